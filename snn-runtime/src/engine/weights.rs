//! What is computed from the parameters once per call: weights in effect, in the order the kernels read them, and the
//! coefficients of the neurons.

use super::filtered_errors::Constants;
use super::packed::{FACTOR, Packed, TILE};
use super::plan::{Plan, PopulationPlan};
use super::projection::ProjectionPlan;
use super::wiring::Wiring;
use crate::Real;
use crate::graph::Source;
use crate::neuron::Coefficients;
use rayon::prelude::*;

/// The parameters of one call, prepared.
#[derive(Debug, Default)]
pub(crate) struct Weights<R> {
    /// A matrix without rows.
    pub(crate) empty: Packed<R, FACTOR>,
    /// Per dense projection `[source, target]`.
    pub(crate) forward: Vec<Packed<R, TILE>>,
    /// Per dense projection `[target, source]`, in a run with gradient; empty where the source is an input.
    pub(crate) backward: Vec<Packed<R, FACTOR>>,
    /// Per projection that is the first with its weights, these, if one with them is not dense.
    listed: Vec<Vec<R>>,
    /// The weight that all of these are.
    same: Vec<Option<R>>,
    /// Per population the sum of the biases of each port. `[ports, n]`
    biases: Vec<Vec<R>>,
    coefficients: Vec<Vec<R>>,
    /// Per population the constants of its error filter.
    filters: Vec<Option<Constants<R>>>,
}

impl<R: Real> Weights<R> {
    /// Prepares the parameters in `values`. In a run with dropout the weights of what is dropped are larger.
    pub(crate) fn prepare(&mut self, plan: &Plan<R>, values: &[R], with_backward: bool, dropout: bool) {
        self.forward.resize_with(plan.projections.len(), Packed::default);
        self.backward.resize_with(plan.projections.len(), Packed::default);
        self.listed.resize_with(plan.projections.len(), Vec::new);
        let jobs = plan.projections.par_iter().enumerate().zip(&mut self.forward).zip(&mut self.backward);
        jobs.zip(&mut self.listed).for_each(|((((j, p), forward), backward), listed)| {
            let matrix = &values[p.weight.clone()];
            let scale = plan.dropout_scale(p, dropout);
            let scaled = |weight: R| scale.map_or(weight, |scale| weight * scale);
            let dense = |p: &ProjectionPlan| matches!(p.wiring, Wiring::Dense);
            // Of connections with the same weights some may be listed, where their delays differ, and others not.
            if p.lead == j && plan.projections[j..].iter().any(|q| q.lead == j && !dense(q)) {
                listed.clear();
                listed.extend(matrix.iter().map(|&w| scaled(p.signed(w))));
            }
            if !dense(p) {
                return;
            }
            let (rows, columns) = (p.rows, p.columns);
            let turned = with_backward && matches!(p.source, Source::Population(_));
            if scale.is_none() && p.is_stored() {
                rayon::join(
                    || forward.fill(rows, columns, matrix, |_, _, w| w),
                    || turned.then(|| backward.fill_transposed(columns, rows, matrix, |_, _, w| w)),
                );
            } else {
                let effective = |row: usize, column: usize, w: R| scaled(p.effective(row, column, w));
                rayon::join(
                    || forward.fill(rows, columns, matrix, effective),
                    || turned.then(|| backward.fill_transposed(columns, rows, matrix, effective)),
                );
            }
        });
        // Where they differ, the first that does decides.
        let same = |listed: &Vec<R>| listed.first().copied().filter(|first| listed.iter().all(|w| w == first));
        self.same.clear();
        self.same.extend(self.listed.iter().map(same));
        self.biases.resize_with(plan.populations.len(), Vec::new);
        self.coefficients.resize_with(plan.populations.len(), Vec::new);
        for (index, p) in plan.populations.iter().enumerate() {
            sum_biases(plan, p, values, &mut self.biases[index]);
            coefficients(p, plan.simulation.dt, values, &mut self.coefficients[index]);
        }
        let filter = |(index, p): (usize, &PopulationPlan<R>)| {
            let filter = p.layout.error_filter.as_ref().filter(|_| with_backward)?;
            Constants::new(filter, self.coefficients(index, p), p.n)
        };
        self.filters = plan.populations.iter().enumerate().map(filter).collect();
    }

    /// The weights in effect of a projection that is not dense.
    pub(crate) fn listed(&self, p: &ProjectionPlan) -> &[R] {
        &self.listed[p.lead]
    }

    /// The sum of the biases of the neurons of a population at a port.
    pub(crate) fn bias(&self, plan: &Plan<R>, population: usize, port: usize) -> &[R] {
        let n = plan.populations[population].n;
        &self.biases[population][port * n..][..n]
    }

    /// The weight in effect of all connections of a projection that is not dense, if it is the same.
    pub(crate) fn same(&self, p: &ProjectionPlan) -> Option<R> {
        self.same[p.lead]
    }

    /// The coefficients of a population.
    pub(crate) fn coefficients(&self, population: usize, p: &PopulationPlan<R>) -> Coefficients<'_, R> {
        Coefficients { values: &self.coefficients[population], per_neuron: p.per_neuron }
    }

    /// The constants of the error filter of a population, in a run with gradient, if all its neurons have the same.
    pub(crate) fn filter(&self, population: usize) -> Option<&Constants<R>> {
        self.filters[population].as_ref()
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let forward: usize = self.forward.iter().map(Packed::bytes).sum();
        let backward: usize = self.backward.iter().map(Packed::bytes).sum();
        let reals: usize = self.biases.iter().chain(&self.coefficients).chain(&self.listed).map(Vec::capacity).sum();
        forward + backward + (reals + self.same.capacity()) * size_of::<R>()
    }
}

fn sum_biases<R: Real>(plan: &Plan<R>, p: &PopulationPlan<R>, values: &[R], out: &mut Vec<R>) {
    out.clear();
    out.resize(p.incoming.len() * p.n, R::ZERO);
    for (list, out) in p.incoming.iter().zip(out.chunks_exact_mut(p.n)) {
        for p in list.iter().map(|&j| &plan.projections[j]) {
            let Some(bias) = p.bias.clone() else { continue };
            let columns = out[p.targets.clone()].chunks_mut(p.columns_of_a_bias);
            columns.zip(&values[bias]).for_each(|(sums, &b)| sums.iter_mut().for_each(|sum| *sum += b));
        }
    }
}

/// The stored parameters of one neuron.
pub(crate) fn stored_parameters<R: Real>(p: &PopulationPlan<R>, values: &[R], neuron: usize, out: &mut Vec<f64>) {
    out.clear();
    for (stored, range) in p.layout.parameters.iter().zip(&p.parameters) {
        out.push(values[range.start + if stored.per_neuron { neuron } else { 0 }].to_f64());
    }
}

fn coefficients<R: Real>(p: &PopulationPlan<R>, dt: f64, values: &[R], out: &mut Vec<R>) {
    let n = if p.per_neuron { p.n } else { 1 };
    let count = p.layout.coefficients;
    out.clear();
    out.resize(count * n, R::ZERO);
    let mut parameters = Vec::new();
    let mut exact = vec![0.0; count];
    for i in 0..n {
        stored_parameters(p, values, i, &mut parameters);
        p.neuron.coefficients(dt, &parameters, &mut exact);
        for (c, &x) in exact.iter().enumerate() {
            out[c * n + i] = R::from_f64(x);
        }
    }
}
