//! Turns gradients of weights in effect and of coefficients into those of the parameters.

use super::plan::{Plan, PopulationPlan};
use super::weights::stored_parameters;
use super::workspace::Lane;
use crate::Real;

/// Writes the gradient of the parameters `values` from that of all lanes, after a run with `dropout` or without; frozen tensors have
/// gradient 0.
pub(crate) fn parameter_gradient<R: Real>(
    plan: &Plan<R>,
    sum: &Lane<R>,
    values: &[R],
    dropout: bool,
    gradient: &mut [R],
) {
    sum.gradient.write(&plan.places, gradient);
    let leads = || plan.projections.iter().enumerate().filter(|(j, p)| p.lead == *j).map(|(_, p)| p);
    for p in leads() {
        if let Some(scale) = plan.dropout_scale(p, dropout) {
            gradient[p.weight.clone()].iter_mut().for_each(|g| *g *= scale);
        }
    }
    for p in leads().filter(|p| !p.is_stored()) {
        let (values, gradient) = (&values[p.weight.clone()], &mut gradient[p.weight.clone()]);
        gradient.iter_mut().zip(values).for_each(|(g, &w)| *g = p.stored_gradient(w, *g));
        let own = (0..p.rows).filter_map(|row| p.own_weight(row));
        own.for_each(|k| gradient[k] = R::ZERO);
    }
    for (index, p) in plan.populations.iter().enumerate().filter(|(_, p)| !p.layout.parameters.is_empty()) {
        chain(p, plan.simulation.dt, &sum.coefficients[index], values, gradient);
    }
}

/// From the gradient of the coefficients (`[differentiated, n]`) to that of the stored parameters, in f64.
fn chain<R: Real>(p: &PopulationPlan<R>, dt: f64, coefficients: &[R], values: &[R], gradient: &mut [R]) {
    let mut parameters = Vec::new();
    let mut sums = vec![0.0; p.layout.parameters.len()];
    let mut own = vec![0.0; p.layout.differentiated.len()];
    let neurons = if p.per_neuron { p.n } else { 1 };
    for i in 0..neurons {
        for (own, all) in own.iter_mut().zip(coefficients.chunks_exact(p.n)) {
            *own = if p.per_neuron { all[i].to_f64() } else { all.iter().map(|g| g.to_f64()).sum() };
        }
        stored_parameters(p, values, i, &mut parameters);
        let mut here = vec![0.0; sums.len()];
        p.neuron.chain(dt, &parameters, &own, &mut here);
        for (k, (stored, range)) in p.layout.parameters.iter().zip(&p.parameters).enumerate() {
            sums[k] += here[k];
            if stored.per_neuron && stored.trainable {
                gradient[range.start + i] = R::from_f64(here[k]);
            }
        }
    }
    for ((stored, range), sum) in p.layout.parameters.iter().zip(&p.parameters).zip(sums) {
        if !stored.per_neuron && stored.trainable {
            gradient[range.start] = R::from_f64(sum);
        }
    }
}
