use std::sync::Arc;

use super::lexer::{Lexer, Token};
use super::{Directive, Position, Problem};

/// SRS's deepest block is three levels down; more is a lost brace.
const MAX_DEPTH: usize = 16;

/// More directives than this in one file is not written by hand.
const MAX_DIRECTIVES: usize = 20_000;

/// The directive whose value is a password that people copy from elsewhere: `!@#ovenmediaengine` is one.
const PASSWORD: &str = "auth";

/// Without quotes such a password would be right or cut off by where its `#` stands.
const UNQUOTED: &str = "expected quotes around a password with a #, which begins a comment: auth \"…\";";

/// Reads one text into its directives; `include` comes out as a directive like any other. `file` names it in errors.
pub fn parse(text: &str, file: &str) -> Result<Vec<Directive>, Problem> {
    let file: Arc<str> = file.into();
    let mut parser =
        Parser { lexer: Lexer::new(text, file.clone()), file, open: Vec::new(), done: Vec::new(), count: 0 };
    parser.run()?;
    Ok(parser.done)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    file: Arc<str>,
    /// Blocks opened and not yet closed, outermost first; no recursion, so depth costs no stack.
    open: Vec<Directive>,
    done: Vec<Directive>,
    count: usize,
}

impl Parser<'_> {
    fn run(&mut self) -> Result<(), Problem> {
        while let Some((token, line)) = self.lexer.next()? {
            match token {
                Token::Word(name) => self.statement(name, line)?,
                Token::Close => self.close(line)?,
                Token::Semicolon => return Err(self.problem(line, "expected a directive, found ;")),
                Token::Open => return Err(self.problem(line, "expected a directive's name before {")),
            }
        }
        match self.open.last() {
            None => Ok(()),
            Some(block) => {
                let text = format!("expected }} to close {}, found the end of the file", described(block));
                Err(Problem { at: Position { file: self.file.clone(), line: block.line }, text })
            }
        }
    }

    fn statement(&mut self, name: String, line: u32) -> Result<(), Problem> {
        self.count += 1;
        if self.count > MAX_DIRECTIVES {
            return Err(
                self.problem(line, format!("expected at most {MAX_DIRECTIVES} directives in one file"))
            );
        }
        if name.is_empty() {
            return Err(self.problem(line, "expected a directive's name, found empty quotes"));
        }
        let mut directive = Directive { name, args: Vec::new(), block: None, file: self.file.clone(), line };
        loop {
            match self.lexer.next()? {
                Some((Token::Word(word), _)) => {
                    if directive.name == PASSWORD && !self.lexer.quoted && word.contains('#') {
                        return Err(self.problem(directive.line, UNQUOTED));
                    }
                    directive.args.push(word);
                }
                Some((Token::Semicolon, _)) => {
                    self.place(directive);
                    return Ok(());
                }
                Some((Token::Open, _)) => {
                    if self.open.len() >= MAX_DEPTH {
                        return Err(self.problem(line, format!("expected blocks at most {MAX_DEPTH} deep")));
                    }
                    directive.block = Some(Vec::new());
                    self.open.push(directive);
                    return Ok(());
                }
                Some((Token::Close, _)) => return Err(self.unended(&directive, "}")),
                None => return Err(self.unended(&directive, "the end of the file")),
            }
        }
    }

    fn close(&mut self, line: u32) -> Result<(), Problem> {
        match self.open.pop() {
            Some(block) => {
                self.place(block);
                Ok(())
            }
            None => Err(self.problem(line, "expected no }: no block is open here")),
        }
    }

    fn place(&mut self, directive: Directive) {
        match self.open.last_mut() {
            Some(Directive { block: Some(block), .. }) => block.push(directive),
            _ => self.done.push(directive),
        }
    }

    /// A forgotten `;` swallows the lines after it; the place to look is where the statement began.
    fn unended(&self, directive: &Directive, found: &str) -> Problem {
        if directive.name == PASSWORD && directive.args.is_empty() {
            return self.problem(directive.line, UNQUOTED);
        }
        self.problem(directive.line, format!("expected ; after {}, found {found}", described(directive)))
    }

    fn problem(&self, line: u32, text: impl Into<String>) -> Problem {
        Problem { at: self.lexer.at(line), text: text.into() }
    }
}

/// The first words of a statement, for a message.
fn described(directive: &Directive) -> String {
    const WORDS: usize = 3;
    let mut text = format!("`{}", directive.name);
    for word in directive.args.iter().take(WORDS) {
        text.push(' ');
        text.push_str(word);
    }
    if directive.args.len() > WORDS {
        text.push_str(" …");
    }
    if directive.block.is_some() {
        text.push_str(" {");
    }
    text.push('`');
    text
}
