//! What stops a simulation.

use std::fmt;

/// What a mistake is about; printed as the option of the command that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The model.
    Model,
    /// [`Protocol::dt`](super::Protocol::dt)
    Dt,
    /// [`Protocol::duration`](super::Protocol::duration)
    Duration,
    /// [`Protocol::n`](super::Protocol::n)
    Count,
    /// The value of a parameter.
    Set(String),
    /// The starting value of a state.
    Init(String),
    /// What arrives at a port.
    Input(String),
    /// [`Protocol::record`](super::Protocol::record)
    Record,
    /// Nothing was wrong before the run.
    Run,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Model => write!(f, "--model"),
            Place::Dt => write!(f, "--dt"),
            Place::Duration => write!(f, "--for"),
            Place::Count => write!(f, "--n"),
            Place::Set(name) => write!(f, "--set {name}"),
            Place::Init(name) => write!(f, "--init {name}"),
            Place::Input(name) => write!(f, "--input {name}"),
            Place::Record => write!(f, "--record"),
            Place::Run => write!(f, "simulation"),
        }
    }
}

/// A mistake in a protocol, or a run that left the finite numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What it is about.
    pub place: Place,
    /// `expected X, found Y`
    pub message: String,
    /// What to do instead.
    pub help: Option<String>,
}

impl Error {
    /// A mistake without a remedy.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), help: None }
    }

    /// Adds what to do instead.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.help {
            Some(help) => write!(f, "\nhelp: {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
