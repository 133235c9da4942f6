//! What is allowed but hardly meant: warnings about a model without mistakes.
//!
//! `check` warns of names that nothing reads; what stands here needs whole neurons or the numbers of a network.

mod gradient;
mod guard;
mod quotient;
mod support;
mod time_step;

pub(crate) use quotient::Quotients;

use crate::diagnostic::Diagnostics;
use crate::expr::{Arena, ExprId, Leaf, evaluate};
use crate::model::{Layer, Model, Neuron, Value};
use std::collections::BTreeMap;

/// Adds warnings.
pub(crate) fn lint(model: &Model, diagnostics: &mut Diagnostics) {
    for neuron in model.neurons.iter().filter(|n| !n.is_library) {
        gradient::parameters(neuron, diagnostics);
        support::neuron(neuron, diagnostics);
        Quotients::new(neuron).warn(diagnostics);
    }
    let mut quotients: BTreeMap<usize, Quotients> = BTreeMap::new();
    let mut left = quotient::LOOKED_AT;
    for network in &model.networks {
        for layer in &network.layers {
            let Some(neuron) = model.neurons.get(layer.neuron) else { continue };
            let quotients = quotients.entry(layer.neuron).or_insert_with(|| Quotients::new(neuron));
            quotients.warn_of_layer(layer, &mut left, diagnostics);
        }
        gradient::layers(model, network, diagnostics);
        time_step::network(model, network, diagnostics);
    }
}

/// The value of an expression of parameters, with the values of a layer; of a distribution the middle.
fn typical(neuron: &Neuron, arena: &Arena, layer: Option<&Layer>, expression: ExprId, dt: Option<f64>) -> Option<f64> {
    evaluate(arena, expression, |leaf| match leaf {
        Leaf::Parameter(i) => {
            let values = layer.map_or(&[][..], |l| &l.values);
            Some(match neuron.value(usize::from(i), values)? {
                Value::Constant(value) => value,
                Value::Uniform { low, high } => 0.5 * (low + high),
                Value::Normal { mean, .. } => mean,
                Value::LogUniform { low, high } => libm::sqrt(low * high),
            })
        }
        Leaf::Dt => dt,
        // Nothing is connected.
        Leaf::Drive(_) => Some(0.0),
        _ => None,
    })
}
