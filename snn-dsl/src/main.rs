//! The `snn` command: check, explain, simulate, lay out and build model files.

mod command;

use clap::{Parser, Subcommand};
use command::output::{print, replace};
use snn_dsl::build::{Options, compile_file};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compiles spiking neural networks described by equations.
#[derive(Parser)]
#[command(name = "snn", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print every mistake of model files with its place, a reason and a remedy.
    Check {
        /// Model files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Print the diagnostics as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the derivation: units, updates, surrogates, adjoints, tape; sizes and initial weights of networks.
    Explain(Box<command::explain::Arguments>),
    /// Run neurons of a model and print, plot or write what they do.
    Simulate(Box<command::simulate::Arguments>),
    /// Lay out model files: indentation, spaces, columns. Words and comments stay.
    Fmt {
        /// Model files; `-` reads standard input and writes standard output.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing; fail if a file is not laid out.
        #[arg(long)]
        check: bool,
    },
    /// Write the Rust code of a model.
    Build {
        /// A model file.
        file: PathBuf,
        /// Where to write the code; standard output if left out or `-`.
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// The path of the runtime crate in the generated code.
        #[arg(long, default_value = "::snn_runtime")]
        runtime: String,
    },
    /// Explain the code of an error or a warning, with an example; list all codes if none is given.
    ExplainError {
        /// The code, e.g. `E0302`.
        code: Option<String>,
        /// List all codes.
        #[arg(long, conflicts_with = "code")]
        list: bool,
    },
    /// List the library, or print the text of one of its models.
    List {
        /// A neuron or surrogate.
        name: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("{}", message.trim_end());
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Check { files, json } => return command::check::check(&files, json),
        Command::Explain(arguments) => return command::explain::explain(&arguments),
        Command::Simulate(arguments) => return command::simulate::simulate(&arguments),
        Command::Fmt { files, check } => return command::fmt::fmt(&files, check),
        Command::Build { file, output, runtime } => {
            let (code, warnings) = compile_file(&file, &Options { runtime })?;
            eprint!("{warnings}");
            match output {
                Some(path) => replace(&path, &code)?,
                None => print(&code)?,
            }
        }
        Command::ExplainError { code, .. } => command::explain_error::explain_error(code.as_deref())?,
        Command::List { name } => command::list::list(name.as_deref())?,
    }
    Ok(ExitCode::SUCCESS)
}
