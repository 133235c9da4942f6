//! Times a large sparse network that keeps itself active, and checks its mean rate.

use clap::Parser;
use snn_runtime::connectivity::Connectivity;
use snn_runtime::{Batch, Graph, Network, Parameters, Real, Recording, Simulation};
use std::error::Error;
use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::time::Instant;

/// Connections from each neuron, on average.
const SYNAPSES: f64 = 80.0;

/// A network of four excitatory neurons for each inhibitory one, in the description that generated code gives.
pub struct SparseNetwork {
    /// What it is called in the printed line.
    pub name: &'static str,
    /// Mean rates in Hz that it may have. Single seeds differ by several per cent.
    pub rates: RangeInclusive<f64>,
    /// It in single precision.
    pub single: fn() -> Graph<f32>,
    /// It in double precision.
    pub double: fn() -> Graph<f64>,
}

/// Simulates a sparse network of 80 connections for each neuron in steps of its model, and prints how long it took.
#[derive(Parser)]
struct Options {
    /// Neurons; four of five are excitatory.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    neurons: u32,
    /// Seconds of model time.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Threads; the simulation takes as many as the network is large enough for.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
    /// Double instead of single precision.
    #[arg(long)]
    f64: bool,
    /// Decides over connections and initial potentials.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl SparseNetwork {
    /// The `main` of a program that times it.
    pub fn main(&self) -> ExitCode {
        let options = Options::parse();
        crate::run(Some(options.threads.into()), || {
            let line =
                if options.f64 { self.time((self.double)(), &options)? } else { self.time((self.single)(), &options)? };
            println!("{line}");
            Ok(())
        })
    }

    fn time<R: Real>(&self, mut graph: Graph<R>, options: &Options) -> Result<String, Box<dyn Error>> {
        let (n, dt) = (options.neurons as usize, graph.simulation.dt);
        let steps = (options.seconds * 1e3 / dt).round();
        if !(steps >= 1.0 && steps <= f64::from(u32::MAX)) {
            return Err(format!("--seconds {}: expected at least one step of {dt} ms", options.seconds).into());
        }
        let steps = steps as usize;
        resize(&mut graph, n, options.seed);
        let network = Network::with_simulation(graph, Simulation { dt, steps })?;
        let parameters = network.initial_parameters(options.seed);
        let mut session = network.session(&parameters)?;
        let batch = Batch { size: 1, inputs: Vec::new(), targets: Vec::new() };
        let start = Instant::now();
        let readouts = session.run(&batch, &Recording::none())?;
        let time = start.elapsed().as_secs_f64();
        let seconds = steps as f64 * dt / 1e3;
        let spikes: u64 = readouts.spike_counts().map(|(_, count)| count).sum();
        let rate = spikes as f64 / n as f64 / seconds;
        if !self.rates.contains(&rate) {
            let (low, high) = (self.rates.start(), self.rates.end());
            let reason = "the network died out or ran away, and its time says nothing; another seed, more neurons or \
                          more seconds may help";
            return Err(format!("mean rate {rate:.2} Hz: expected {low} to {high} Hz; {reason}").into());
        }
        let connections = network.connections() as f64;
        let bytes = network.connection_bytes() + session.bytes() + size_of_val(parameters.values());
        Ok(format!(
            "snn {}: N={n}, {seconds} s of model time in {time:.3} s, mean rate {rate:.2} Hz, threads {}, {}, \
             {:.0} million synaptic events/s, {:.1} bytes/synapse",
            self.name,
            options.threads,
            R::NAME,
            readouts.synaptic_operations() as f64 / time / 1e6,
            bytes as f64 / connections,
        ))
    }
}

/// Another number of neurons with as many connections each, and other connections for each seed.
fn resize<R>(graph: &mut Graph<R>, n: usize, seed: u64) {
    let excitatory = n / 5 * 4 + n % 5;
    graph.populations.iter_mut().for_each(|p| p.size = n);
    for projection in &mut graph.projections {
        if let Connectivity::Random { probability, seed: own } = &mut projection.connectivity {
            (*probability, *own) = ((SYNAPSES / n as f64).min(1.0), seed);
        }
        let inhibitory = projection.sources.as_ref().is_some_and(|range| range.start > 0);
        projection.sources = Some(if inhibitory { excitatory..n } else { 0..excitatory });
    }
}
