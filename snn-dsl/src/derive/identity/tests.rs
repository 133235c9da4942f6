//! What changes the identity of a network and what does not: one edit of a text at a time.

use super::identity;
use crate::compile::compile;

const TEXT: &str = "\
const half = 0.5

/// A comment.
neuron Cell {
    param tau   = 20 ms   in 1 ms .. 200 ms  trainable
    param tau_s = 5 ms
    param R     = 10 MOhm
    param V_th  = 20 mV
    param w     = 1 mV    in 0 mV ..         trainable
    param t_ref = 2 ms
    param k     = uniform(1, 2)              per neuron
    param spare = 1
    event exc : nA
    event inh : nA
    drive I_ext : nA
    state I : nA = 0 nA
    state V : mV = 0 mV
    let total = I + I_ext
    tau_s dI/dt = -I
    tau dV/dt = -V + R*total*k
    on exc { I += half*exc }
    on inh { I -= inh }
    spike when V >= V_th surrogate sigmoid(alpha = 4) scale V_th {
        V -= V_th - w
    }
    refractory t_ref holding V
    integrate exponential_euler
}

network Net {
    simulate dt = 1 ms, for 100 ms
    input  x[5] spikes
    target label : class[4]
    layer  a[4] = Cell(tau = 15 ms)
    layer  b[4] = Cell
    x -> a.exc : dense
    a -> b.exc : dense, init constant(1 nA)
    a -> a.exc : dense, delay 2 ms
    loss cross_entropy(max_t(b.V / mV), label)
    readout rate = mean_t(a.spike)
}
";

fn of(text: &str) -> String {
    let compilation = compile("test.snn", text);
    let Some(model) = compilation.model else { panic!("{text}\n{:?}", compilation.diagnostics) };
    identity(&model, &model.networks[0])
}

/// The identity after every `from` was replaced.
fn edited(from: &str, to: &str) -> String {
    assert!(TEXT.contains(from), "{from}");
    of(&TEXT.replace(from, to))
}

fn assert_changes(edits: &[(&str, &str)]) {
    for (from, to) in edits {
        assert_ne!(edited(from, to), of(TEXT), "{from} -> {to}");
    }
}

fn assert_stays(edits: &[(&str, &str)]) {
    for (from, to) in edits {
        assert_eq!(edited(from, to), of(TEXT), "{from} -> {to}");
    }
}

#[test]
fn sixteen_digits() {
    let identity = of(TEXT);
    assert_eq!(identity.len(), 16);
    assert!(identity.chars().all(|c| c.is_ascii_hexdigit()), "{identity}");
}

#[test]
fn equations_count() {
    assert_changes(&[
        ("    tau dV/dt", "    (2*tau) dV/dt"),
        ("    tau_s dI/dt", "    (2*tau_s) dI/dt"),
        ("-V + R*total*k", "-2*V + R*total*k"),
        ("-V + R*total*k", "-V + R*total*k*k"),
        ("total = I + I_ext", "total = I - I_ext"),
        ("state V : mV = 0 mV", "state V : mV = 5 mV"),
        ("state V : mV = 0 mV", "state V : mV = V_th"),
        ("on inh { I -= inh }", "on inh { I += inh }"),
        ("V >= V_th", "V > V_th"),
        ("V -= V_th - w", "V = -w"),
        ("holding V", "holding V, I"),
    ]);
    assert_ne!(edited("holding V", "holding V, I"), edited("holding V", "holding V, I events kept"));
}

#[test]
fn constants_count() {
    assert_changes(&[
        ("half = 0.5", "half = 0.25"),
        ("t_ref = 2 ms", "t_ref = 5 ms"),
        ("R     = 10 MOhm", "R     = 11 MOhm"),
        ("tau_s = 5 ms", "tau_s = 6 ms"),
        ("b[4] = Cell", "b[4] = Cell(V_th = 21 mV)"),
    ]);
}

#[test]
fn how_trained_numbers_are_stored_counts() {
    assert_changes(&[
        ("in 1 ms .. 200 ms", "in 1 ms .. 100 ms"),
        ("in 0 mV ..         trainable", "in 0 mV .. 9 mV    trainable"),
        ("in 0 mV ..         trainable", "trainable"),
        ("in 0 mV ..         trainable", "in 0 mV .."),
        ("1 ms .. 200 ms  trainable", "1 ms .. 200 ms  trainable per neuron"),
    ]);
}

#[test]
fn the_structure_of_the_network_counts() {
    assert_changes(&[
        ("x[5]", "x[6]"),
        ("layer  a[4]", "layer  a[3]"),
        ("x -> a.exc : dense", "x -> a.exc : dense, bias"),
        ("x -> a.exc : dense", "x -> a.exc : dense, sign +"),
        ("x -> a.exc : dense", "x -> a.inh : dense"),
        ("delay 2 ms", "delay 3 ms"),
        ("delay 2 ms", "delay 2 steps"),
        ("delay 2 ms", "delay 2 ms, no_self"),
        ("    a -> b.exc", "    x -> b.exc"),
    ]);
    assert_ne!(edited("delay 2 ms", "delay 2 ms, sign +"), edited("delay 2 ms", "delay 2 ms, sign -"));
}

#[test]
fn names_of_tensors_count() {
    let renamed = TEXT.replace("tau ", "tau_m ");
    assert_ne!(of(&renamed), of(TEXT), "a parameter");
    let renamed = TEXT.replace("x[5]", "y[5]").replace("x -> a", "y -> a");
    assert_ne!(of(&renamed), of(TEXT), "an input");
    let renamed = TEXT.replace("layer  a[4]", "layer  c[4]").replace("a -> ", "c -> ").replace("-> a.", "-> c.");
    assert_ne!(of(&renamed.replace("a.spike", "c.spike")), of(TEXT), "a layer");
}

#[test]
fn starting_values_losses_and_time_do_not_count() {
    assert_stays(&[
        ("Cell(tau = 15 ms)", "Cell(tau = 21 ms)"),
        ("Cell(tau = 15 ms)", "Cell"),
        ("tau   = 20 ms", "tau   = 30 ms"),
        ("w     = 1 mV ", "w     = 2 mV "),
        ("uniform(1, 2)", "normal(1, 0.1)"),
        ("init constant(1 nA)", "init zeros"),
        ("max_t(b.V / mV)", "mean_t(b.V / mV)"),
        ("readout rate = mean_t(a.spike)", "readout other = a.V"),
        ("dt = 1 ms, for 100 ms", "dt = 0.5 ms, for 50 ms"),
        ("x -> a.exc : dense", "x -> a.exc : dense, frozen"),
        // The value that the neuron has anyway.
        ("b[4] = Cell", "b[4] = Cell(V_th = 20 mV)"),
    ]);
}

#[test]
fn wording_does_not_count() {
    assert_stays(&[
        ("total", "current"),
        ("/// A comment.", "/// Another."),
        ("V_th", "threshold"),
        ("tau_s", "tau_syn"),
        ("spare = 1", "spare = 2"),
        ("half", "one_half"),
        ("simulate dt", "simulate  dt"),
        ("alpha = 4", "alpha = 2"),
        ("scale V_th", "scale detached V_th reset detached"),
        // No event arrives at V.
        ("holding V", "holding V events kept"),
    ]);
    let renamed = TEXT.replace("neuron Cell", "neuron Other").replace("= Cell", "= Other");
    assert_eq!(of(&renamed), of(TEXT));
}
