//! The test network once more, in the plainest f64: dense matrices, one sample at a time, backpropagation by hand.
#![allow(clippy::disallowed_methods, clippy::needless_range_loop, reason = "as plain as a formula")]

use crate::common::*;
use snn_runtime::{ParameterSet, Parameters, SpikeTrain};

pub(crate) struct Reference {
    pub(crate) loss: f64,
    pub(crate) spikes: u64,
    pub(crate) gradient: ParameterSet<f64>,
}

type Matrix = Vec<Vec<f64>>;

fn zeros(rows: usize, columns: usize) -> Matrix {
    vec![vec![0.0; columns]; rows]
}

pub(crate) fn evaluate(
    p: &ParameterSet<f64>,
    trains: &[SpikeTrain],
    labels: &[u32],
    wave: &ndarray::Array2<f64>,
) -> Reference {
    let mut gradient = ParameterSet::zeros(p.layout().clone());
    let (mut loss, mut count) = (0.0, 0);
    for (b, train) in trains.iter().enumerate() {
        let target: Vec<f64> = wave.row(b).to_vec();
        loss += sample(p, train, labels[b] as usize, &target, trains.len() as f64, &mut gradient, &mut count);
    }
    Reference { loss, spikes: count, gradient }
}

fn sample(
    p: &ParameterSet<f64>,
    train: &SpikeTrain,
    label: usize,
    target: &[f64],
    batch: f64,
    gradient: &mut ParameterSet<f64>,
    count: &mut u64,
) -> f64 {
    let get = |name: &str, i: usize, j: usize| p.view(name).unwrap()[[i, j]];
    let get1 = |name: &str, i: usize| p.view(name).unwrap()[[i]];
    let rec = |i: usize, j: usize| if i == j { 0.0 } else { -get("w_rec.weight", i, j).abs() };
    let tau: Vec<f64> = p.view("hidden.tau").unwrap().iter().copied().cycle().take(HIDDEN).collect();
    let per_neuron = p.view("hidden.tau").unwrap().len() > 1;
    let (ai, ao) = ((-1.0f64 / 5.0).exp(), (-1.0f64 / 20.0).exp());
    let av: Vec<f64> = tau.iter().map(|t| (-1.0 / t).exp()).collect();
    let start = p.view("hidden.start").unwrap()[[]];

    let mut x = zeros(STEPS, INPUTS);
    train.iter().for_each(|(t, i)| x[t][i as usize] = 1.0);
    let (mut current, mut v, mut pre, mut z) =
        (zeros(STEPS, HIDDEN), zeros(STEPS, HIDDEN), zeros(STEPS, HIDDEN), zeros(STEPS, HIDDEN));
    let mut o = zeros(STEPS, OUTPUTS);
    for t in 0..STEPS {
        for j in 0..HIDDEN {
            let mut e = get1("w_in.bias", j);
            (0..INPUTS).for_each(|i| e += x[t][i] * get("w_in.weight", i, j));
            if t >= 2 {
                (0..HIDDEN).for_each(|i| e += z[t - 2][i] * rec(i, j));
            }
            let (old_i, old_v) = if t > 0 { (current[t - 1][j], v[t - 1][j]) } else { (0.0, start) };
            current[t][j] = ai * old_i + e;
            pre[t][j] = av[j] * old_v + 4.0 * (1.0 - av[j]) * current[t][j];
            z[t][j] = if pre[t][j] >= 1.0 { 1.0 } else { 0.0 };
            v[t][j] = pre[t][j] - z[t][j];
            *count += z[t][j] as u64;
        }
        for k in 0..OUTPUTS {
            let mut e = get1("w_skip.bias", k);
            (0..HIDDEN).for_each(|j| e += z[t][j] * get("w_out.weight", j, k));
            if t >= 1 {
                (0..INPUTS).for_each(|i| e += x[t - 1][i] * get("w_skip.weight", i, k));
            }
            o[t][k] = ao * (if t > 0 { o[t - 1][k] } else { 0.0 }) + (1.0 - ao) * e;
        }
    }

    // The losses.
    let (mut go, mut gz, mut gv) = (zeros(STEPS, OUTPUTS), zeros(STEPS, HIDDEN), zeros(STEPS, HIDDEN));
    let best: Vec<usize> =
        (0..OUTPUTS).map(|k| (1..STEPS).fold(0, |m, t| if o[t][k] > o[m][k] { t } else { m })).collect();
    let sum: f64 = (0..OUTPUTS).map(|k| o[best[k]][k].exp()).sum();
    let mut loss = sum.ln() - o[best[label]][label];
    for k in 0..OUTPUTS {
        go[best[k]][k] += (o[best[k]][k].exp() / sum - (k == label) as u8 as f64) / batch;
    }
    let rate: Vec<f64> = (0..HIDDEN).map(|j| z.iter().map(|z| z[j]).sum::<f64>() / STEPS as f64).collect();
    let last = &v[STEPS - 1];
    let top = (1..HIDDEN).fold(0, |m, j| if last[j] > last[m] { j } else { m });
    for j in 0..HIDDEN {
        loss += (rate[j] - 0.1).max(0.0) / HIDDEN as f64 + last[top] * rate[j];
        let slope = if rate[j] > 0.1 { 1.0 / HIDDEN as f64 } else { 0.0 };
        (0..STEPS).for_each(|t| gz[t][j] += (slope + last[top]) / STEPS as f64 / batch);
        gv[STEPS - 1][top] += rate[j] / batch;
    }
    for t in 5..20 {
        for k in 0..OUTPUTS {
            loss += (o[t][k] - target[k]).powi(2) / 45.0;
            go[t][k] += 2.0 * (o[t][k] - target[k]) / 45.0 / batch;
        }
    }

    // The reverse.
    let (mut ei, mut eo) = (zeros(STEPS, HIDDEN), zeros(STEPS, OUTPUTS));
    let (mut carry_i, mut carry_v, mut carry_o) = (vec![0.0; HIDDEN], vec![0.0; HIDDEN], vec![0.0; OUTPUTS]);
    for t in (0..STEPS).rev() {
        for k in 0..OUTPUTS {
            let g = carry_o[k] + go[t][k];
            eo[t][k] = (1.0 - ao) * g;
            carry_o[k] = ao * g;
        }
        for j in 0..HIDDEN {
            let mut dz = gz[t][j];
            (0..OUTPUTS).for_each(|k| dz += eo[t][k] * get("w_out.weight", j, k));
            if t + 2 < STEPS {
                (0..HIDDEN).for_each(|k| dz += ei[t + 2][k] * rec(j, k));
            }
            let post = carry_v[j] + gv[t][j];
            let g = post + (dz - post) / (1.0 + 10.0 * (pre[t][j] - 1.0).abs()).powi(2);
            let old = if t > 0 { v[t - 1][j] } else { start };
            let slope = av[j] / (tau[j] * tau[j]);
            let index = if per_neuron { j } else { 0 };
            gradient.view_mut("hidden.tau").unwrap().as_slice_mut().unwrap()[index] +=
                slope * g * (old - 4.0 * current[t][j]);
            ei[t][j] = carry_i[j] + 4.0 * (1.0 - av[j]) * g;
            carry_v[j] = av[j] * g;
            carry_i[j] = ai * ei[t][j];
        }
    }
    gradient.view_mut("hidden.start").unwrap()[[]] += carry_v.iter().sum::<f64>();
    let mut add = |name: &str, i: usize, j: usize, g: f64| gradient.view_mut(name).unwrap()[[i, j]] += g;
    for t in 0..STEPS {
        for j in 0..HIDDEN {
            (0..INPUTS).for_each(|i| add("w_in.weight", i, j, x[t][i] * ei[t][j]));
            for i in 0..HIDDEN {
                if t >= 2 && i != j {
                    let w = get("w_rec.weight", i, j);
                    add("w_rec.weight", i, j, if w < 0.0 { 1.0 } else { -1.0 } * z[t - 2][i] * ei[t][j]);
                }
            }
            (0..OUTPUTS).for_each(|k| add("w_out.weight", j, k, z[t][j] * eo[t][k]));
        }
        for k in 0..OUTPUTS {
            if t >= 1 {
                (0..INPUTS).for_each(|i| add("w_skip.weight", i, k, x[t - 1][i] * eo[t][k]));
            }
        }
    }
    for t in 0..STEPS {
        (0..HIDDEN).for_each(|j| gradient.view_mut("w_in.bias").unwrap()[[j]] += ei[t][j]);
        (0..OUTPUTS).for_each(|k| gradient.view_mut("w_skip.bias").unwrap()[[k]] += eo[t][k]);
    }
    loss / batch
}
