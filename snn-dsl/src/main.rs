//! The `snn` command: check, explain, lay out and build model files.

use clap::{Parser, Subcommand};
use snn_dsl::build::{Options, compile_file};
use snn_dsl::compile::{Compilation, compile};
use snn_dsl::diagnostic::{Severity, Style, catalogue, closest, json, render_all};
use snn_dsl::{explain, library};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
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
    Explain {
        /// A model file, or the name of a library neuron.
        model: String,
    },
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
        /// Where to write the code; standard output if left out.
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
        Command::Check { files, json } => check(&files, json),
        Command::Explain { model } => {
            let compilation = load(&model)?;
            report(&compilation);
            let Some(model) = compilation.model else { return Ok(ExitCode::FAILURE) };
            print(&explain::explain(&model))?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Fmt { files, check } => fmt(&files, check),
        Command::Build { file, output, runtime } => {
            let (code, warnings) = compile_file(&file, &Options { runtime })?;
            eprint!("{warnings}");
            match output {
                Some(path) => {
                    replace(&path, &code)?;
                }
                None => print(&code)?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::ExplainError { code: Some(code), .. } => match catalogue::meant(&code) {
            Some(code) => print(catalogue::explanation(code).unwrap_or_default()).map(|()| ExitCode::SUCCESS),
            None => Err(unknown_code(&code)),
        },
        Command::ExplainError { code: None, .. } => {
            let line = |code| format!("{code}  {}\n", catalogue::title(code).unwrap_or_default());
            print(&catalogue::codes().map(line).collect::<String>())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::List { name: None } => {
            let mut text = String::from("neurons\n");
            for name in library::neuron_names() {
                text.push_str(&format!("  {:<22}{}\n", name, summary(library::neuron(name))));
            }
            text.push_str("surrogates\n");
            for name in library::surrogate_names() {
                text.push_str(&format!("  {:<28}{}\n", name, summary(library::surrogate(name))));
            }
            print(&text)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::List { name: Some(name) } => match library::neuron(&name).or_else(|| library::surrogate(&name)) {
            Some((_, text)) => print(text).map(|()| ExitCode::SUCCESS),
            None => Err(unknown(&name)),
        },
    }
}

fn check(files: &[PathBuf], as_json: bool) -> Result<ExitCode, String> {
    let (mut errors, mut warnings) = (0, 0);
    let mut code = None;
    let mut objects: Vec<String> = Vec::new();
    for file in files {
        let compilation = read(file)?;
        let counts = compilation.counts();
        errors += counts.0;
        warnings += counts.1;
        let error = compilation.diagnostics.iter().find(|d| d.severity == Severity::Error);
        code = code.or(error.map(|d| d.code));
        if as_json {
            let list = json(&compilation.sources, &compilation.diagnostics);
            objects.extend(
                list.strip_prefix('[').and_then(|l| l.strip_suffix(']')).filter(|l| !l.is_empty()).map(String::from),
            );
        } else {
            report(&compilation);
        }
    }
    if as_json {
        // One document for all files.
        print(&format!("[{}]\n", objects.join(",")))?;
    } else {
        let count = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        eprintln!("{}, {} in {}", count(errors, "error"), count(warnings, "warning"), count(files.len(), "file"));
        if let Some(code) = code {
            eprintln!("for more about an error: snn explain-error {code}");
        }
    }
    Ok(if errors > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn fmt(files: &[PathBuf], only_check: bool) -> Result<ExitCode, String> {
    let mut code = ExitCode::SUCCESS;
    for path in files {
        let is_stream = path.as_os_str() == "-";
        let name = path.display().to_string();
        let text = if is_stream { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
        let text = text.map_err(|e| format!("error: cannot read {name}: {e}"))?;
        match snn_dsl::syntax::format(&name, &text) {
            Err(compilation) => {
                report(&compilation);
                code = ExitCode::FAILURE;
            }
            Ok(formatted) if only_check && formatted != text => {
                eprintln!("{name}: not laid out; run `snn fmt {name}`");
                code = ExitCode::FAILURE;
            }
            Ok(_) if only_check => {}
            Ok(formatted) if is_stream => print(&formatted)?,
            Ok(formatted) if formatted == text => {}
            Ok(formatted) => replace(path, &formatted)?,
        }
    }
    Ok(code)
}

/// Writes a new file and gives it the name of the old one, so that there is always one of them, complete.
fn replace(path: &Path, text: &str) -> Result<(), String> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = std::fs::write(&temporary, text).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|e| {
        // The error that led here is the one to report.
        let _ = std::fs::remove_file(&temporary);
        format!("error: cannot write {}: {e}; the file is unchanged", path.display())
    })
}

/// A file, or the name of a library neuron.
fn load(model: &str) -> Result<Compilation, String> {
    let path = Path::new(model);
    if path.exists() {
        return read(path);
    }
    match library::neuron(model) {
        Some((file, text)) => Ok(compile(file, text)),
        None if path.extension().is_some() => Err(format!("error: cannot read {model}: there is no such file")),
        None => Err(unknown(model)),
    }
}

fn unknown(name: &str) -> String {
    let names = library::neuron_names().iter().chain(library::surrogate_names()).copied();
    let hint = match closest(name, names) {
        Some(close) => format!("did you mean `{close}`?"),
        None => "`snn list` shows the library".to_string(),
    };
    format!("error: expected a model file or the name of a library model, found `{name}`\nhelp: {hint}")
}

fn unknown_code(word: &str) -> String {
    let hint = match closest(&word.to_ascii_uppercase(), catalogue::codes()) {
        Some(close) => format!("did you mean `{close}`? `snn explain-error --list` shows all codes"),
        None => "`snn explain-error --list` shows all codes".to_string(),
    };
    format!("error: expected a code such as `E0302`, found `{word}`\nhelp: {hint}")
}

fn read(path: &Path) -> Result<Compilation, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("error: cannot read {}: {e}", path.display()))?;
    Ok(compile(&path.display().to_string(), &text))
}

fn report(compilation: &Compilation) {
    let style = if std::io::stderr().is_terminal() { Style::Terminal } else { Style::Plain };
    let text = render_all(&compilation.sources, &compilation.diagnostics, style);
    eprint!("{text}");
}

/// The first documentation line of a library text.
fn summary(entry: Option<(&'static str, &'static str)>) -> &'static str {
    let text = entry.map_or("", |e| e.1);
    text.lines().find_map(|line| line.strip_prefix("///")).map_or("", str::trim)
}

/// Writes to standard output; a closed pipe is no error.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("error: cannot write: {e}")),
        _ => Ok(()),
    }
}
