//! Runs one of our programs and the same work by a peer in turn, and prints the medians and their ratio.
//!
//! ```text
//! cargo run --release --example side_by_side -- cuba --peers DIR --python PATH --rounds 5
//! cargo run --release --example side_by_side -- digits --one-core
//! ```
//!
//! DIR has the scripts of the peers: `mnist_jax.py`, `dms_jax.py`, `brian2_networks.py`. Without `--peers` our program runs
//! alone. Arguments behind a second `--` go to our program, such as `--f64`.

mod workload;

use clap::Parser;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use workload::{Programs, Workload};

/// Times a workload by our program and by a peer's, in turn.
#[derive(Parser)]
struct Options {
    /// What is timed.
    workload: Workload,
    /// The folder with the scripts of the peers.
    #[arg(long, value_name = "DIR")]
    peers: Option<PathBuf>,
    /// The Python that has what the script needs.
    #[arg(long, default_value = "python3", value_name = "PATH")]
    python: PathBuf,
    /// How often each runs.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Both are bound to the first core, by `taskset`.
    #[arg(long)]
    one_core: bool,
    /// Further arguments of our program.
    #[arg(last = true)]
    arguments: Vec<String>,
}

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = Options::parse();
    snn_examples::run(None, || run(&options))
}

fn run(options: &Options) -> Outcome<()> {
    let programs = options.workload.programs();
    let own = executable(programs.example)?;
    let script = options.peers.as_ref().map(|folder| folder.join(programs.script));
    if let Some(script) = script.as_ref().filter(|s| !s.is_file()) {
        return Err(format!("there is no {}: give the folder with the peers' scripts", script.display()).into());
    }
    if script.is_none() {
        println!("no --peers: ours alone");
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let mut command = command(options, &own);
        command.args(programs.arguments).args(&options.arguments);
        ours.push(time(command, &programs)?);
        if let Some(script) = &script {
            let mut command = self::command(options, &options.python);
            command.arg(script).args(programs.script_arguments).envs(programs.environment.iter().copied());
            theirs.push(time(command, &programs)?);
        }
    }
    let unit = programs.unit;
    let own = median(&mut ours);
    println!("ours: median {own} {unit} of {} ({} to {})", ours.len(), ours[0], ours[ours.len() - 1]);
    if !theirs.is_empty() {
        let peer = median(&mut theirs);
        println!("peer: median {peer} {unit} of {} ({} to {})", theirs.len(), theirs[0], theirs[theirs.len() - 1]);
        println!("ratio {:.2}", peer / own);
    }
    Ok(())
}

/// The executable of another example. Cargo builds it if this program was started by Cargo.
fn executable(example: &str) -> Outcome<PathBuf> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--example", example, "--manifest-path", manifest]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let status = build.status().map_err(|e| format!("cannot build {example}: {e}"))?;
        if !status.success() {
            return Err(format!("{example} cannot be built, as Cargo says above").into());
        }
    }
    let own = std::env::current_exe().map_err(|e| format!("cannot find the folder of this program: {e}"))?;
    let path = own.with_file_name(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        return Err(format!("there is no {}: run `cargo build --release --examples`", path.display()).into());
    }
    Ok(path)
}

fn command(options: &Options, program: &Path) -> Command {
    if !options.one_core {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", "0"]).arg(program);
    command
}

/// Runs a program and finds its time in what it prints.
fn time(mut command: Command, programs: &Programs) -> Outcome<f64> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|e| format!("cannot run {name}: {e}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    if let Some((line, time)) = programs.time.find(&printed).filter(|_| output.status.success()) {
        println!("{line}");
        return Ok(time);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = printed.lines().chain(errors.lines()).collect();
    let last = lines[lines.len().saturating_sub(10)..].join("\n");
    Err(format!("{command:?} printed no time ({}); its last lines:\n{last}", output.status).into())
}

/// The middle one; sorts.
fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
