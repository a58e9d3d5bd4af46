//! Words and punctuation of the syntax. As in SRS, `#` and quotes mean something only where a word begins, so URLs and
//! patterns need no quoting, and there are no escapes inside quotes.

use std::str::Chars;
use std::sync::Arc;

use super::{Position, Problem};

/// A word longer than this is a missing quote or not a configuration.
const MAX_WORD: usize = 8 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
}

pub(super) struct Lexer<'a> {
    rest: Chars<'a>,
    file: Arc<str>,
    line: u32,
    /// Whether the last word stood in quotes.
    pub(super) quoted: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, file: Arc<str>) -> Self {
        Self { rest: text.strip_prefix('\u{feff}').unwrap_or(text).chars(), file, line: 1, quoted: false }
    }

    pub(super) fn at(&self, line: u32) -> Position {
        Position { file: self.file.clone(), line }
    }

    fn problem(&self, line: u32, text: impl Into<String>) -> Problem {
        Problem { at: self.at(line), text: text.into() }
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.line = self.line.saturating_add(1);
        }
        Some(c)
    }

    /// The next token with its line, or `None` at the end of the text.
    pub(super) fn next(&mut self) -> Result<Option<(Token, u32)>, Problem> {
        loop {
            let line = self.line;
            let Some(c) = self.peek() else { return Ok(None) };
            self.quoted = matches!(c, '"' | '\'');
            let token = match c {
                c if c.is_whitespace() => {
                    self.bump();
                    continue;
                }
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.bump();
                    }
                    continue;
                }
                ';' => Token::Semicolon,
                '{' => Token::Open,
                '}' => Token::Close,
                '"' | '\'' => return self.quoted(c).map(|word| Some((Token::Word(word), line))),
                _ => return self.bare().map(|word| Some((Token::Word(word), line))),
            };
            self.bump();
            return Ok(Some((token, line)));
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Problem> {
        let line = self.line;
        self.bump();
        let mut word = String::new();
        loop {
            match self.peek() {
                Some(c) if c == quote => break,
                Some('\n') | None => {
                    return Err(self.problem(line, format!("expected a closing {quote} on the same line")));
                }
                Some(c) => self.push(&mut word, c, line)?,
            }
            self.bump();
        }
        self.bump();
        match self.peek() {
            Some(c) if !c.is_whitespace() && !matches!(c, ';' | '{' | '}') => {
                Err(self
                    .problem(line, format!("expected a blank or ; after the closing {quote}, found {c:?}")))
            }
            _ => Ok(word),
        }
    }

    fn bare(&mut self) -> Result<String, Problem> {
        let line = self.line;
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || matches!(c, ';' | '{' | '}') {
                break;
            }
            self.push(&mut word, c, line)?;
            self.bump();
        }
        Ok(word)
    }

    fn push(&self, word: &mut String, c: char, line: u32) -> Result<(), Problem> {
        if c.is_control() && c != '\t' {
            return Err(self.problem(line, format!("expected text, found the control character {c:?}")));
        }
        if word.len() >= MAX_WORD {
            return Err(self.problem(line, format!("expected a word of at most {MAX_WORD} bytes")));
        }
        word.push(c);
        Ok(())
    }
}
