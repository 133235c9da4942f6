//! Starting values.

use super::plan::Plan;
use crate::connectivity::Connectivity;
use crate::graph::Graph;
use crate::initialise::parameter_start;
use crate::{ParameterSet, Parameters, Real, Update};

/// The starting values of all tensors of a network. A tensor is numbered by its place in the layout.
pub(crate) fn parameters<R: Real>(graph: &Graph<R>, plan: &Plan<R>, seed: u64) -> ParameterSet<R> {
    let mut set = ParameterSet::zeros(plan.layout.clone());
    let values = set.values_mut();
    // Tensors come in the order of their places in the buffer: weight and bias of every projection, then parameters.
    let mut tensor = 0;
    for (_, p) in plan.projections.iter().enumerate().filter(|(j, p)| p.lead == *j) {
        let projection = &graph.projections[p.number];
        let weight = &mut values[p.weight.clone()];
        let (fan_in, fan_out) = p.fans;
        match &projection.connectivity {
            Connectivity::Edges(edges) if !edges.weights.is_empty() => {
                weight.iter_mut().zip(&edges.weights).for_each(|(w, &x)| *w = R::from_f64(x));
            }
            _ => projection.initial.fill(weight, fan_in, fan_out, seed, tensor),
        }
        let [low, high] = projection.clip;
        Update { low, high, ..Update::default() }.clip(weight);
        (0..p.rows).filter_map(|row| p.own_weight(row)).for_each(|k| weight[k] = R::ZERO);
        // Biases begin at 0.
        tensor += 1 + u64::from(p.bias.is_some());
    }
    for population in &plan.populations {
        for (stored, range) in population.layout.parameters.iter().zip(&population.parameters) {
            parameter_start(stored, &mut values[range.clone()], seed, tensor);
            tensor += 1;
        }
    }
    set
}
