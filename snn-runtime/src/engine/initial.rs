//! Starting values.

use super::plan::Plan;
use crate::graph::Graph;
use crate::initialise::parameter_start;
use crate::{ParameterSet, Parameters, Real, Update};

/// The starting values of all tensors of a network. A tensor is numbered by its place in the layout.
pub(crate) fn parameters<R: Real>(graph: &Graph<R>, plan: &Plan<R>, seed: u64) -> ParameterSet<R> {
    let mut set = ParameterSet::zeros(plan.layout.clone());
    let values = set.values_mut();
    // Tensors come in the order of their places in the buffer: weight and bias of every projection, then parameters.
    let mut tensor = 0;
    for (projection, p) in graph.projections.iter().zip(&plan.projections) {
        let weight = &mut values[p.weight.clone()];
        // Weights are dense, so a target has all sources and a source all targets.
        projection.initial.fill(weight, p.rows, p.columns, seed, tensor);
        let [low, high] = projection.clip;
        Update { low, high, ..Update::default() }.clip(weight);
        if p.no_self {
            weight.iter_mut().step_by(p.columns + 1).for_each(|w| *w = R::ZERO);
        }
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
