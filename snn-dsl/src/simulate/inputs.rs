//! What arrives at the ports in each step.

use super::error::{Error, Place};
use super::grid::Grid;
use super::protocol::{Input, Piece};
use crate::diagnostic::closest;
use crate::expr::number;
use crate::model::{Neuron, Quantity};
use snn_runtime::random::{Purpose, Stream};
use snn_runtime::{Real, math};

/// More spikes than that in a step are taken for a slip.
const MOST_IN_A_STEP: f64 = 1e4;

/// The inputs of all ports, to be asked step by step.
#[derive(Clone, Debug)]
pub(super) struct Inputs<R> {
    n: usize,
    events: Vec<Port>,
    drives: Vec<Port>,
    /// `[ports, n]` of the present step.
    event_values: Vec<R>,
    drive_values: Vec<R>,
}

/// One port.
#[derive(Clone, Debug, Default)]
struct Port {
    /// (first step, value), the same for all neurons, rising.
    levels: Vec<(usize, f64)>,
    /// The level that comes next.
    next: usize,
    level: f64,
    poisson: Vec<Poisson>,
}

#[derive(Clone, Copy, Debug)]
struct Poisson {
    /// Spikes in a step.
    mean: f64,
    weight: f64,
    stream: Stream,
}

/// The mean of a count that is drawn at once: exp(-mean) is far from the smallest numbers.
const MOST_AT_ONCE: f64 = 32.0;

impl Poisson {
    /// Adds the spikes of a step: a Poisson number for each neuron.
    fn add<R: Real>(&self, step: usize, row: &mut [R]) {
        let weight = R::from_f64(self.weight);
        let blocks = row.len().div_ceil(2);
        let parts = (self.mean / MOST_AT_ONCE).ceil().max(1.0);
        let none = math::exp(-self.mean / parts);
        for part in 0..parts as usize {
            for (block, pair) in row.chunks_mut(2).enumerate() {
                let draws = self.stream.uniform_pair(step as u32, (part * blocks + block) as u32);
                for (value, draw) in pair.iter_mut().zip(draws) {
                    if draw >= none {
                        *value += weight * R::from_f64(count(self.mean / parts, none, draw));
                    }
                }
            }
        }
    }
}

/// The Poisson number that a uniform number stands for; `none` = exp(-mean) is the probability of 0.
fn count(mean: f64, none: f64, draw: f64) -> f64 {
    let (mut k, mut probability, mut below) = (0.0, none, none);
    // Beyond this the sum is 1 to the last bit.
    while draw >= below && k < 400.0 {
        k += 1.0;
        probability *= mean / k;
        below += probability;
    }
    k
}

impl<R: Real> Inputs<R> {
    pub(super) fn new(
        neuron: &Neuron,
        grid: Grid,
        n: usize,
        seed: u64,
        inputs: &[(String, Input)],
    ) -> Result<Self, Error> {
        let mut ports = vec![(Port::default(), Vec::new()); neuron.events.len() + neuron.drives.len()];
        for (index, (name, input)) in inputs.iter().enumerate() {
            let place = Place::Input(name.clone());
            let find = |list: &[Quantity]| list.iter().position(|q| q.name == *name);
            let (port, is_event) = match (find(&neuron.events), find(&neuron.drives)) {
                (Some(event), _) => (event, true),
                (None, Some(drive)) => (neuron.events.len() + drive, false),
                (None, None) => return Err(unknown(neuron, name)),
            };
            let Some((port, sources)) = ports.get_mut(port) else { continue };
            match input {
                Input::Pieces(pieces) => sources.push(levels(&place, grid, pieces)?),
                Input::Series(rows) => sources.push(series(&place, grid, rows, is_event)?),
                Input::Poisson { .. } | Input::Spikes { .. } if !is_event => {
                    let message = format!("expected values for the drive `{name}`, found spikes");
                    let help = match neuron.events.first() {
                        Some(event) => format!("spikes arrive at an event port: `--input {}=...`", event.name),
                        None => "give it values: `--input NAME=0.5 nA:100 ms`".into(),
                    };
                    return Err(Error::new(place, message).help(help));
                }
                &Input::Poisson { rate, weight } => {
                    finite(&place, "weight", weight)?;
                    let mean = mean(&place, grid, rate)?;
                    let stream = Stream::new(seed, Purpose::Encoding, index as u64);
                    port.poisson.push(Poisson { mean, weight, stream });
                }
                Input::Spikes { times, weight } => {
                    let rows: Vec<_> = times.iter().map(|&t| (t, *weight)).collect();
                    sources.push(events(&place, grid, &rows)?);
                }
            }
        }
        let mut ports: Vec<Port> =
            ports.into_iter().map(|(port, sources)| Port { levels: sum(&sources), ..port }).collect();
        let drives = ports.split_off(neuron.events.len());
        let zeros = |ports: &[Port]| vec![R::ZERO; ports.len() * n];
        let (event_values, drive_values) = (zeros(&ports), zeros(&drives));
        Ok(Self { n, events: ports, drives, event_values, drive_values })
    }

    /// What arrives at the event ports and at the drives in a step, `[ports, n]` each. Steps must be asked in order.
    pub(super) fn at(&mut self, step: usize) -> (&[R], &[R]) {
        for (ports, values) in [(&mut self.events, &mut self.event_values), (&mut self.drives, &mut self.drive_values)]
        {
            for (port, row) in ports.iter_mut().zip(values.chunks_exact_mut(self.n)) {
                port.fill(step, row);
            }
        }
        (&self.event_values, &self.drive_values)
    }
}

impl Port {
    fn fill<R: Real>(&mut self, step: usize, row: &mut [R]) {
        let changes = self.levels.get(self.next).filter(|l| l.0 == step);
        if let Some(&(_, level)) = changes {
            self.level = level;
            self.next += 1;
        }
        if changes.is_some() || !self.poisson.is_empty() {
            row.fill(R::from_f64(self.level));
        }
        for poisson in &self.poisson {
            poisson.add(step, row);
        }
    }
}

/// The port of that name.
pub(super) fn port<'a>(neuron: &'a Neuron, name: &str) -> Result<&'a Quantity, Error> {
    let found = neuron.events.iter().chain(&neuron.drives).find(|q| q.name == name);
    found.ok_or_else(|| unknown(neuron, name))
}

fn unknown(neuron: &Neuron, name: &str) -> Error {
    let ports: Vec<&str> = neuron.events.iter().chain(&neuron.drives).map(|q| q.name.as_str()).collect();
    let message = format!("expected an event port or a drive of `{}`, found `{name}`", neuron.name);
    let help = match closest(name, ports.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if ports.is_empty() => "it has no ports".into(),
        None if neuron.states.iter().any(|s| s.quantity.name == name) => {
            format!("a state starts at a value with `--init`; its ports are `{}`", ports.join("`, `"))
        }
        None => format!("it has `{}`", ports.join("`, `")),
    };
    Error::new(Place::Input(name.into()), message).help(help)
}

fn finite(place: &Place, what: &str, value: f64) -> Result<(), Error> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::new(place.clone(), format!("expected a finite {what}, found {value}")))
}

/// The mean number of spikes in a step.
fn mean(place: &Place, grid: Grid, rate: f64) -> Result<f64, Error> {
    let mean = rate * grid.dt;
    if mean.is_nan() || mean < 0.0 {
        let message = format!("expected a rate of at least 0 Hz, found {} Hz", number(rate * 1e3));
        return Err(Error::new(place.clone(), message).help("inhibition is a negative weight"));
    }
    if mean > MOST_IN_A_STEP {
        let (dt, most) = (number(grid.dt), number(MOST_IN_A_STEP));
        let message = format!("expected at most {most} spikes in a step of {dt} ms, found {}", number(mean));
        return Err(Error::new(place.clone(), message).help("make the rate or `--dt` smaller"));
    }
    Ok(mean)
}

/// Values one after the other as (first step, value).
fn levels(place: &Place, grid: Grid, pieces: &[Piece]) -> Result<Vec<(usize, f64)>, Error> {
    let mut levels = Vec::new();
    let mut time = 0.0;
    for (index, piece) in pieces.iter().enumerate() {
        finite(place, "value", piece.value)?;
        let first = grid.beginning(time);
        levels.push((first, piece.value));
        match piece.duration {
            Some(duration) => {
                if !(duration > 0.0 && duration.is_finite()) {
                    let message = format!("expected a duration of more than 0 ms, found {} ms", number(duration));
                    return Err(Error::new(place.clone(), message));
                }
                if duration < grid.dt * (1.0 - 1e-9) {
                    let (dt, found) = (number(grid.dt), number(duration));
                    let message = format!("expected a duration of at least one step of {dt} ms, found {found} ms");
                    let help = "make it longer, or `--dt` smaller";
                    return Err(Error::new(place.clone(), message).help(help));
                }
                time += duration;
                levels.push((grid.beginning(time), 0.0));
            }
            None if index + 1 < pieces.len() => {
                let message = format!("expected a duration for piece {} of {}", index + 1, pieces.len());
                let help = "only the last piece may go on to the end: write `VALUE:DURATION`";
                return Err(Error::new(place.clone(), message).help(help));
            }
            None => {}
        }
    }
    Ok(levels)
}

/// A table as (first step, value).
fn series(place: &Place, grid: Grid, rows: &[(f64, f64)], is_event: bool) -> Result<Vec<(usize, f64)>, Error> {
    if is_event {
        return events(place, grid, rows);
    }
    let mut levels = Vec::new();
    let mut last = f64::NEG_INFINITY;
    for &(time, value) in rows {
        finite(place, "time", time)?;
        finite(place, "value", value)?;
        if time <= last {
            let (last, time) = (number(last), number(time));
            let message = format!("expected rising times, found {time} ms after {last} ms");
            return Err(Error::new(place.clone(), message).help("sort the rows by time, and give each time once"));
        }
        last = time;
        levels.push((grid.beginning(time), value));
    }
    Ok(levels)
}

/// Events at their times as (first step, value): the sum of what arrives in a step, and 0 in the next.
fn events(place: &Place, grid: Grid, rows: &[(f64, f64)]) -> Result<Vec<(usize, f64)>, Error> {
    let mut arriving = Vec::new();
    for &(time, weight) in rows {
        finite(place, "weight", weight)?;
        let Some(step) = grid.containing(time) else {
            let (time, end) = (number(time), number(grid.end()));
            let message = format!("expected times from 0 ms to before {end} ms, found {time} ms");
            return Err(Error::new(place.clone(), message).help("leave it out, or simulate longer with `--for`"));
        };
        arriving.push((step, weight));
    }
    arriving.sort_by_key(|a| a.0);
    let mut levels: Vec<(usize, f64)> = Vec::new();
    for same in arriving.chunk_by(|a, b| a.0 == b.0) {
        let step = same[0].0;
        if levels.last().is_some_and(|l| l.0 == step) {
            levels.pop();
        }
        levels.push((step, same.iter().map(|a| a.1).sum()));
        levels.push((step + 1, 0.0));
    }
    Ok(levels)
}

/// The sum of several courses of values, each (first step, value) with steps that do not fall; of equal steps the last
/// counts.
fn sum(sources: &[Vec<(usize, f64)>]) -> Vec<(usize, f64)> {
    let mut steps: Vec<usize> = sources.iter().flatten().map(|l| l.0).collect();
    steps.sort_unstable();
    steps.dedup();
    let mut next = vec![0; sources.len()];
    let mut now = vec![0.0; sources.len()];
    let mut levels = Vec::with_capacity(steps.len());
    for step in steps {
        for ((source, next), now) in sources.iter().zip(&mut next).zip(&mut now) {
            while let Some(&(_, value)) = source.get(*next).filter(|l| l.0 <= step) {
                *now = value;
                *next += 1;
            }
        }
        levels.push((step, now.iter().sum()));
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(input: Input) -> Vec<f64> {
        let grid = Grid::new(1.0, 6.0).unwrap();
        let place = Place::Input("x".into());
        let levels = match input {
            Input::Pieces(pieces) => levels(&place, grid, &pieces),
            Input::Series(rows) => series(&place, grid, &rows, false),
            Input::Spikes { times, weight } => {
                events(&place, grid, &times.iter().map(|&t| (t, weight)).collect::<Vec<_>>())
            }
            Input::Poisson { .. } => unreachable!(),
        };
        let mut port = Port { levels: sum(&[levels.unwrap()]), ..Port::default() };
        let mut row = [0.0f64];
        (0..6)
            .map(|step| {
                port.fill(step, &mut row);
                row[0]
            })
            .collect()
    }

    #[test]
    fn a_step_has_the_value_at_its_beginning() {
        let piece = |value, duration| Piece { value, duration };
        assert_eq!(course(Input::constant(2.0)), [2.0; 6]);
        let pieces = vec![piece(1.0, Some(2.0)), piece(3.0, Some(1.5))];
        assert_eq!(course(Input::Pieces(pieces)), [1.0, 1.0, 3.0, 3.0, 0.0, 0.0]);
        let pieces = vec![piece(0.0, Some(2.0)), piece(3.0, None)];
        assert_eq!(course(Input::Pieces(pieces)), [0.0, 0.0, 3.0, 3.0, 3.0, 3.0]);
        let rows = vec![(-1.0, 5.0), (0.5, 1.0), (3.0, 2.0), (100.0, 9.0)];
        assert_eq!(course(Input::Series(rows)), [5.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn an_event_arrives_once() {
        let times = vec![4.0, 0.0, 1.0, 1.999, 5.999];
        assert_eq!(course(Input::Spikes { times, weight: 2.0 }), [2.0, 4.0, 0.0, 0.0, 2.0, 2.0]);
    }

    #[test]
    fn several_inputs_add_up() {
        let sources = [vec![(0, 1.0), (3, 0.0)], vec![(1, 0.5)], vec![]];
        assert_eq!(sum(&sources), [(0, 1.0), (1, 1.5), (3, 0.5)]);
    }
}
