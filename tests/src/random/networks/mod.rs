//! Random networks: populations of several models, connected in every way that the language has, with losses of every kind.
//!
//! A text is a function of a list of numbers, as a random model is: 0 is the simplest choice.

mod loss;
mod population;
mod projection;

use super::choices::Choices;
use population::{Kind, Population};

/// How many networks are emitted into the tests.
pub const EMITTED: u64 = 12;

/// What may happen at the connections of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// They are trained by gradients.
    Trained,
    /// Some change by rules of their own, which have no gradient.
    Plastic,
}

/// The text of a random network `Net`, with a neuron `Cell` of its own if it uses one.
pub fn text(choices: &mut Choices, weights: Weights) -> String {
    let dt = *choices.pick(&[1.0, 0.5]);
    let steps = 14 + choices.below(5);
    let in_grids = choices.chance(35);
    let mut populations = Vec::new();
    for k in 0..1 + choices.below(2) {
        let kind = if choices.chance(35) { Kind::values() } else { Kind::spikes() };
        populations.push(Population::new(choices, ["x", "u"][k], kind, in_grids));
    }
    let inputs = populations.len();
    let cell = choices.chance(20).then(|| population::cell(choices));
    for k in 0..1 + choices.below(4) {
        let name = ["a", "b", "c", "d"][k];
        let kind = match &cell {
            Some((_, kind)) if choices.chance(40) => kind.clone(),
            _ => Kind::of_library(choices),
        };
        populations.push(Population::new(choices, name, kind, in_grids));
    }

    // A layer with dropout scales its spikes, which states at the source of a synapse do not take.
    for population in &mut populations[inputs..] {
        if population.kind.spikes && choices.chance(8) {
            population.dropout = Some(choices.number(0.1, 0.5));
        }
    }
    let mut lines = vec![format!("simulate dt = {dt} ms, for {} ms", steps as f64 * dt)];
    let first = choices.below(populations.len() - inputs);
    let (inputs_first, layers) = populations.split_at(inputs);
    lines.extend(inputs_first.iter().map(Population::line));
    // Layers may be declared in any order.
    lines.extend(layers[first..].iter().chain(&layers[..first]).map(Population::line));

    let mut projections = Vec::new();
    let mut add = |choices: &mut Choices, source: usize, target: usize| {
        let (from, to) = (&populations[source], &populations[target]);
        let ends = projection::Ends { from, to, backwards: source >= target, own: source == target };
        projections.push(projection::line(choices, ends, weights));
    };
    // Every population has a way in, and every input a way out.
    for target in inputs..populations.len() {
        let source = if target == inputs { 0 } else { choices.below(target) };
        add(choices, source, target);
    }
    if inputs == 2 {
        let target = inputs + choices.below(populations.len() - inputs);
        add(choices, 1, target);
    }
    for _ in 0..choices.below(5) {
        let target = inputs + choices.below(populations.len() - inputs);
        let source = choices.below(populations.len());
        add(choices, source, target);
    }
    lines.extend(projections);
    lines.extend(loss::lines(choices, &populations[inputs..], steps as f64 * dt));
    let items =
        cell.filter(|_| populations.iter().any(Population::is_cell)).map_or_else(String::new, |(text, _)| text + "\n");
    format!("{items}network Net {{\n    {}\n}}\n", lines.join("\n    "))
}

/// The network of a seed.
pub fn text_of_seed(seed: u64) -> String {
    text(&mut Choices::from_seed(seed ^ 0x6e65_7477), Weights::Trained)
}
