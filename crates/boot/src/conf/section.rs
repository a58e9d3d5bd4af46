use std::time::Duration;

use super::{Directive, Position, Problem};
use crate::value::{self, Expected, Listen, Shards, Unit};

/// A block from which values are read by name. A block that is not there reads as an empty one.
///
/// Each reader answers `None` where the directive is not set, so that defaults stay with the role that owns them.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a>(&'a [Directive]);

impl<'a> Section<'a> {
    /// A section over the directives of a file or block.
    pub fn new(directives: &'a [Directive]) -> Self {
        Self(directives)
    }

    fn find(&self, name: &str) -> Option<&'a Directive> {
        self.0.iter().find(|directive| directive.name == name)
    }

    /// The block of this name.
    pub fn block(&self, name: &str) -> Section<'a> {
        Section(self.find(name).map(Directive::children).unwrap_or_default())
    }

    /// All blocks of this name with their labels, such as every `vhost`.
    pub fn blocks(&self, name: &str) -> impl Iterator<Item = (&'a str, Section<'a>)> {
        self.0
            .iter()
            .filter(move |directive| directive.name == name)
            .map(|directive| (directive.arg().unwrap_or_default(), Section(directive.children())))
    }

    /// A text as it stands.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.find(name)?.arg()
    }

    /// `on` or `off`.
    pub fn switch(&self, name: &str) -> Result<Option<bool>, Problem> {
        self.read(name, value::switch)
    }

    /// A whole number; the table of directives has checked its bounds.
    pub fn number<T: TryFrom<u64>>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.read(name, |text| {
            let number = value::number(text, 0, u64::MAX)?;
            T::try_from(number).map_err(|_| Expected::fixed("a smaller number"))
        })
    }

    /// A time; a bare number is in `unit`.
    pub fn time(&self, name: &str, unit: Unit) -> Result<Option<Duration>, Problem> {
        self.read(name, |text| value::duration(text, unit))
    }

    /// `auto` or a number.
    pub fn shards(&self, name: &str) -> Result<Option<Shards>, Problem> {
        self.read(name, Shards::parse)
    }

    /// Ports and addresses to listen on.
    pub fn listens(&self, name: &str) -> Result<Option<Vec<Listen>>, Problem> {
        self.list(name, Listen::parse)
    }

    /// One value or more, each with its own reader.
    pub fn list<T>(
        &self,
        name: &str,
        parse: impl Fn(&'a str) -> Result<T, Expected>,
    ) -> Result<Option<Vec<T>>, Problem> {
        let Some(directive) = self.find(name) else { return Ok(None) };
        let values = directive.args.iter().map(|arg| at(directive, arg, &parse));
        values.collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// A value with its own reader, such as one word of a few.
    pub fn read<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&'a str) -> Result<T, Expected>,
    ) -> Result<Option<T>, Problem> {
        match self.find(name) {
            Some(directive) => at(directive, directive.arg().unwrap_or_default(), parse).map(Some),
            None => Ok(None),
        }
    }

    /// A problem with a directive of this section, for checks that the table cannot make. Where the directive is not
    /// set, the problem has no better place than its name.
    pub fn problem(&self, name: &str, text: impl Into<String>) -> Problem {
        let unset = || Position { file: format!("`{name}`").into(), line: 0 };
        Problem { at: self.find(name).map_or_else(unset, Directive::at), text: text.into() }
    }
}

fn at<'a, T>(
    directive: &Directive,
    arg: &'a str,
    parse: impl FnOnce(&'a str) -> Result<T, Expected>,
) -> Result<T, Problem> {
    parse(arg).map_err(|expected| {
        let text = format!("`{} {arg}` is not allowed: expected {expected}", directive.name);
        Problem { at: directive.at(), text }
    })
}
