//! Whole texts: what is accepted, and which mistakes are found where.

use super::{Dimension, check};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expr::Node;
use crate::model::{Delay, Initialiser, Model, ProgramNode, Reduction, Source, Value};
use crate::source::SourceMap;

const DIGITS: &str = include_str!("digits.snn");

const NEURON: &str = "
    param tau = 20 ms
    param R = 10 MOhm
    param V_th = 20 mV
    event exc : mV
    drive I : nA
    state V : mV = 0 mV
    tau dV/dt = -V + R*I
    on exc { V += exc }
    spike when V >= V_th surrogate sigmoid(alpha = 4) scale V_th { V -= V_th }
    integrate exponential_euler
";

const NETWORK: &str = "
    simulate dt = 1 ms, for 100 ms
    input a[4] spikes
    target label : class[3]
    target goal : values[3]
    layer h[5] = LIF
    layer o[3] = LI
    a -> h.exc : dense
    h -> o.exc : dense
";

fn run(text: &str) -> (Model, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let mut diagnostics = Diagnostics::default();
    let file = sources.add("test.snn", text, false);
    let tree = crate::syntax::parse(&sources, file, &mut diagnostics);
    let model = check(&mut sources, &tree, &mut diagnostics);
    (model, diagnostics.into_sorted(), sources)
}

/// The codes of a text, each with the words it points at.
fn codes(text: &str) -> Vec<String> {
    let (_, list, sources) = run(text);
    let place = |d: &Diagnostic| d.span().map(|s| sources.text(s).to_string()).unwrap_or_default();
    list.iter().map(|d| format!("{} {}", d.code, place(d))).collect()
}

/// The codes of the neuron above with one part replaced by another.
fn neuron(from: &str, to: &str) -> Vec<String> {
    assert!(from.is_empty() || NEURON.contains(from), "{from}");
    let body = if from.is_empty() { format!("{NEURON}{to}\n") } else { NEURON.replace(from, to) };
    codes(&format!("neuron N {{{body}}}"))
}

/// The codes of the network above with one part replaced by another.
fn network(from: &str, to: &str) -> Vec<String> {
    assert!(from.is_empty() || NETWORK.contains(from), "{from}");
    let body = if from.is_empty() { format!("{NETWORK}{to}\n") } else { NETWORK.replace(from, to) };
    codes(&format!("network N {{{body}}}"))
}

fn hints(text: &str) -> String {
    run(text).1.iter().flat_map(|d| d.hints.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_model_of_the_guide() {
    let (model, diagnostics, _) = run(DIGITS);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let (neuron, network) = (&model.neurons[0], &model.networks[0]);
    assert_eq!((model.neurons.len(), neuron.is_library, model.neurons[1].is_library), (2, false, true));
    assert_eq!(neuron.states[1].text, "tau dV/dt = -V + V_rest + R*(I + I_ext)");
    assert_eq!(neuron.parameters[0].quantity.dimension, Dimension::TIME);
    assert_eq!((neuron.parameters[0].low, neuron.parameters[0].high), (Some(1.0), Some(200.0)));
    assert!(neuron.parameters[0].trainable);
    let spike = neuron.spike.as_ref().unwrap();
    assert_eq!(spike.surrogate.text, "sigmoid(alpha = 4)");
    assert_eq!((network.dt, network.steps), (1.0, 100));
    assert_eq!(network.layers[0].values, [(0, Value::Constant(20.0))]);
    assert_eq!(network.projections[0].name, "pixel_to_hidden_exc");
    assert_eq!(network.projections[1].delay, Delay::Steps(1));
    assert_eq!(network.projections[1].source, Source::Layer(0));
    assert_eq!(network.projections[0].initial, Initialiser::Uniform { low: -1.0 / 28.0, high: 1.0 / 28.0 });
    assert_eq!(network.projections[0].initial_text, "uniform(-1 nA/sqrt(fan_in), 1 nA/sqrt(fan_in))");
    let program = &network.program;
    assert_eq!((program.losses.len(), program.readouts.len()), (2, 1));
    let is_map = |n: &&ProgramNode| matches!(n, ProgramNode::Map { .. });
    assert_eq!(program.nodes.iter().filter(is_map).count(), 2, "{:?}", program.nodes);
    // V in mV is a number already, so the logits are the reduction of the observation itself.
    assert!(matches!(program.nodes[1], ProgramNode::ReduceTime { input: 0, reduction: Reduction::Max, .. }));
}

#[test]
fn units_of_equations_and_values() {
    assert_eq!(neuron("", ""), [""; 0]);
    assert_eq!(neuron("tau dV/dt = -V", "tau dV/dt = -V + I"), ["E0302 I"]);
    assert_eq!(neuron("tau dV/dt", "dV/dt"), ["E0304 -V + R*I"]);
    assert_eq!(neuron("20 ms", "20 mS"), ["E0304 -V + R*I"]);
    assert_eq!(neuron("20 ms", "20 msec"), ["E0301 msec"]);
    assert_eq!(neuron("state V : mV", "state V : mVolt"), ["E0301 mVolt"]);
    assert_eq!(neuron("mV = 0 mV", "mV = 0"), ["E0305 0"]);
    assert_eq!(neuron("V -= V_th", "V -= I"), ["E0305 I"]);
    assert_eq!(neuron("V -= V_th", "V = 0"), ["E0305 0"]);
    assert_eq!(neuron("scale V_th", "scale 1 nA"), ["E0305 1 nA"]);
    assert_eq!(neuron("R*I", "R*I*exp(V)"), ["E0303 V"]);
    assert_eq!(neuron("R*I", "V^R"), ["E0306 R"]);
    assert_eq!(neuron("R*I", "R*I + (if V > 3 { V } else { R*I })"), ["E0302 3"]);
    assert_eq!(neuron("R*I", "R*I + sqrt(I*I)*R + 2*max(R*I, V_th) + V_th^(1/3)*V_th^(2/3)"), [""; 0]);
    assert_eq!(neuron("param tau = 20 ms", "param tau = 20 mV/nA*nF"), [""; 0]);
    assert_eq!(neuron("param R", "param s = 2 \n let k = 10 mV/s \n param R"), ["E0205 s"]);
    assert_eq!(neuron("R*I", "R*I + (10 mV)*V/V_th"), [""; 0]);
}

#[test]
fn printed_units_mean_what_they_say() {
    let units = ["ms", "mV", "nA", "um", "amol", "K", "MOhm", "uS", "nF", "mM", "pC", "ms^2", "mV^3", "nA^(1/2)"];
    for (a, b) in units.iter().flat_map(|a| units.iter().map(move |b| (a, b))) {
        for product in [format!("1*{a}*{b}"), format!("1*{a}/{b}"), format!("1/({a}*{b})"), format!("1*{a}^2/{b}/mV")] {
            let states = |unit: &str, initial: &str| {
                format!("neuron N {{ state X : {unit} = {initial} \n dX/dt = 0 \n integrate exponential_euler }}")
            };
            let (model, _, _) = run(&states(&product, &product));
            let dimension = model.neurons[0].states[0].quantity.dimension;
            let printed = if dimension.is_none() { "1".into() } else { dimension.base_unit() };
            let literal = super::remedy::with_unit("3", dimension);
            let (model, list, _) = run(&states(&printed, &literal));
            assert!(list.iter().all(|d| d.code == "W0401"), "{product} {printed} {literal} {list:?}");
            assert_eq!(model.neurons[0].states[0].quantity.dimension, dimension, "{product} {printed}");
        }
    }
}

#[test]
fn remedies_are_literal() {
    let body = |from: &str, to: &str| hints(&format!("neuron N {{{}}}", NEURON.replace(from, to)));
    assert!(body("-V + R*I", "-V + I").contains("multiply by `R`: `R*I`"));
    assert!(body("tau dV/dt", "dV/dt").contains("write `tau dV/dt = -V + R*I`"));
    assert!(body("mV = 0 mV", "mV = 0").contains("`0 mV`"));
    assert!(body("20 ms", "20 mS").contains("did you mean `ms`?"));
    assert!(body("scale V_th", "scale V_ht").contains("did you mean `V_th`?"));
    assert!(body("V >= V_th", "V_th <= V").contains("spike when V >= V_th"));
}

#[test]
fn names() {
    assert_eq!(neuron("R*I", "Q_x*I"), ["E0201 Q_x"]);
    assert_eq!(neuron("param R", "param tau = 3 ms \n param R"), ["E0202 tau"]);
    assert_eq!(neuron("param R", "param dt = 3 ms \n param R"), ["E0203 dt"]);
    assert_eq!(neuron("param R", "param exp = 1 \n param R").first().map(String::as_str), Some("E0203 exp"));
    assert_eq!(neuron("tau dV/dt = -V", "let max = 2 \n tau dV/dt = -max*V"), ["E0203 max"]);
    assert_eq!(codes(&format!("fn R(x) = x\n neuron N {{{NEURON}}}")), ["E0202 R"]);
    assert_eq!(neuron("-V + R*I", "-V + R*I + exc"), ["E0204 exc"]);
    assert_eq!(neuron("param R = 10 MOhm", "param R = 10 MOhm * tau"), ["E0204 tau"]);
    assert_eq!(neuron("R*I", "R*I*f(2)"), ["E0206 f"]);
    assert_eq!(neuron("R*I", "R*I*exp(1, 2)"), ["E0208 exp(1, 2)"]);
    assert_eq!(neuron("R*I", "R*I*t/tau"), ["E0900 t"]);
    assert_eq!(neuron("sigmoid(alpha", "sigmod(alpha"), ["E0210 sigmod"]);
    assert_eq!(neuron("alpha = 4", "alpa = 4"), ["E0211 alpa"]);
    assert_eq!(codes("fn f(x) = g(x) \n fn g(x) = f(x)"), ["E0207 f", "E0207 g"]);
    assert_eq!(codes("const a = 1e300*1e300"), ["E0310 1e300*1e300"]);
    assert_eq!(codes("const a = ln(0)"), ["E0310 ln(0)"]);
    assert_eq!(codes("fn f(x) = x + yy"), ["E0201 yy"]);
    assert_eq!(codes("const a = b \n const b = 2"), ["E0204 b"]);
    assert_eq!(codes("const a = 1 mV + 2 \n const b = a + 1 nA"), ["E0302 2"]);
    let twice = format!("fn sq(x) = x*x + 1 mV\n neuron N {{{}}}", NEURON.replace("R*I", "sq(R*I)/V_th"));
    assert_eq!(codes(&twice), ["E0302 1 mV"]);
}

#[test]
fn neurons() {
    assert_eq!(neuron("", "state X : 1 = 0"), ["E0401 X"]);
    assert_eq!(neuron("", "tau dV/dt = -V"), ["E0402 tau dV/dt = -V"]);
    assert_eq!(neuron("", "tau dW/dt = -V"), ["E0403 dW"]);
    assert_eq!(neuron("tau dV/dt", "(0 ms) dV/dt"), ["E0404 (0 ms)"]);
    assert_eq!(neuron("param tau = 20 ms", "param tau = 0 ms"), ["E0404 tau"]);
    assert_eq!(neuron("param tau = 20 ms", "param tau = uniform(1 ms, 2 ms)"), ["E0405 uniform(1 ms, 2 ms)"]);
    assert_eq!(neuron("param tau = 20 ms", "param tau = uniform(1 ms, 2 ms) per neuron"), [""; 0]);
    assert_eq!(
        neuron("param tau = 20 ms", "param tau = uniform(3 ms, 2 ms) per neuron"),
        ["E0418 uniform(3 ms, 2 ms)"]
    );
    assert_eq!(neuron("param tau = 20 ms", "param tau = 20 ms in 5 ms .. 4 ms"), ["E0406 5 ms .. 4 ms"]);
    assert_eq!(neuron("param tau = 20 ms", "param tau = 20 ms in 5 ms .. 20 ms trainable"), ["E0407 20 ms"]);
    assert_eq!(neuron("param tau = 20 ms", "param tau = 20 ms in 5 ms .. 20 ms"), [""; 0]);
    assert_eq!(neuron("on exc { V += exc }", "on exd { V += exd }"), ["E0408 exd"]);
    assert_eq!(neuron("on exc { V += exc }", "on exc { V += exc*exc/V_th }"), ["E0409 V += exc*exc/V_th"]);
    assert_eq!(neuron("on exc { V += exc }", "on exc { V += exc \n V = V*V/V_th }"), ["E0409 V = V*V/V_th"]);
    assert_eq!(neuron("on exc { V += exc }", "on exc { V += exc \n V *= 2 }"), [""; 0]);
    assert_eq!(neuron("", "on exc { V += exc }"), ["E0410 exc"]);
    assert_eq!(neuron("on exc { V += exc }", ""), ["W0402 exc"]);
    assert_eq!(neuron("on exc { V += exc }", "on exc { V += 1 mV }"), ["W0403 exc"]);
    assert_eq!(neuron("{ V -= V_th }", "{ tau -= 1 ms }"), ["E0411 tau"]);
    assert_eq!(neuron("V >= V_th", "V_th <= V"), ["E0412 V_th <= V"]);
    assert_eq!(neuron("V >= V_th", "V_th >= 2 mV"), ["E0412 V_th >= 2 mV"]);
    assert_eq!(neuron("surrogate sigmoid(alpha = 4)", ""), ["E0413 spike"]);
    assert_eq!(neuron("scale V_th", ""), ["E0414 spike"]);
    assert_eq!(neuron("scale V_th", "scale (V_th - 30 mV)"), ["E0415 (V_th - 30 mV)"]);
    assert_eq!(neuron("V_th = 20 mV", "V_th = 20 mV trainable"), ["E0415 V_th"]);
    assert_eq!(neuron("V_th = 20 mV", "V_th = 20 mV in 1 mV .. trainable"), [""; 0]);
    assert_eq!(neuron("", "refractory tau holding V"), [""; 0]);
    assert_eq!(neuron("", "refractory 2 holding V"), ["E0305 2"]);
    assert_eq!(neuron("", "refractory 2 ms holding V, V"), ["E0416 V"]);
    assert_eq!(neuron("", "integrate exponential_euler"), ["E0417 exponential_euler"]);
    assert_eq!(neuron("exponential_euler", "implicit"), ["E0419 implicit"]);
    for method in ["euler", "auto", "exact", "exponential_midpoint", "rk2", "rk4"] {
        assert_eq!(neuron("exponential_euler", method), [""; 0], "{method}");
    }
    assert_eq!(neuron("integrate exponential_euler", ""), [""; 0]);
    assert_eq!(neuron("-V + R*I", "-V*V/V_th + R*I"), [""; 0]);
    let equation = |text: &str, method: &str| {
        codes(&format!("neuron N {{{}}}", NEURON.replace("-V + R*I", text).replace("exponential_euler", method)))
    };
    assert_eq!(equation("-V*V/V_th + R*I", "exact"), ["E0423 tau dV/dt = -V*V/V_th + R*I"]);
    assert_eq!(equation("-V + R*I + V_th*sqrt(tau)*xi", "auto"), [""; 0]);
    assert_eq!(equation("-V + R*I + V_th*sqrt(tau)*xi", "exact"), [""; 0]);
    assert_eq!(equation("-V + R*I + V*sqrt(tau)*xi", "auto"), [""; 0]);
    let factor = "tau dV/dt = -V + R*I + V*sqrt(tau)*xi";
    assert_eq!(equation("-V + R*I + V*sqrt(tau)*xi", "exact"), [format!("E0423 {factor}")]);
    assert_eq!(equation("-V + R*I + V_th*xi", "auto"), ["E0302 V_th*xi"]);
    assert_eq!(equation("-V + R*I + V_th*tau*xi^2", "auto"), ["E0422 -V + R*I + V_th*tau*xi^2"]);
    assert_eq!(equation("-V + R*I + V_th*sqrt(tau)*xi", "rk4"), ["E0900 rk4"]);
    assert_eq!(equation("-V*detach(V)/V_th + R*I", "auto"), ["E0900 tau dV/dt = -V*detach(V)/V_th + R*I"]);
    assert_eq!(equation("-V*detach(V)/V_th + R*I", "rk4"), [""; 0]);
    assert_eq!(neuron("", "param unused = 1"), ["W0401 unused"]);
}

#[test]
fn noise_of_an_exact_method() {
    let codes = |of_x: &str, of_y: &str| {
        codes(&format!(
            "neuron N {{
                param tau = 10 ms
                drive g
                state x
                state y
                tau dx/dt = -x + g + {of_x}
                tau dy/dt = x - y + {of_y}
                integrate exact
            }}"
        ))
    };
    let noise = |factor: &str| format!("{factor}*sqrt(tau)*xi");
    assert_eq!(codes("1", &noise("g")), [""; 0]);
    assert_eq!(codes(&noise("g"), "1"), [""; 0]);
    assert_eq!(codes(&noise("3"), &noise("2")), [""; 0]);
    assert_eq!(codes(&noise("x"), "1"), ["E0423 tau dx/dt = -x + g + x*sqrt(tau)*xi"]);
    let both = ["E0423 tau dx/dt = -x + g + g*sqrt(tau)*xi", "E0423 tau dy/dt = x - y + 2*sqrt(tau)*xi"];
    assert_eq!(codes(&noise("g"), &noise("2")), both);
}

#[test]
fn surrogates() {
    let good = "surrogate g(a = 2) { let y = a*x \n derivative = a/(1 + abs(y))^2 \n primitive = y/(1 + abs(y)) }";
    assert_eq!(codes(good), [""; 0]);
    assert_eq!(codes(&good.replace("primitive = y", "primitive = 2*y")), ["W0404 2*y/(1 + abs(y))"]);
    assert_eq!(codes("surrogate g { derivative = x }"), ["E0420 g"]);
    assert_eq!(codes(&good.replace("abs(y))^2", "abs(z))^2")), ["E0201 z"]);
    assert_eq!(codes(&good.replace("a = 2", "a = 2 mV")), ["E0305 2 mV"]);
    assert_eq!(codes(&good.replace(" }", "\n support = 0 }")), ["E0421 0"]);
    let used = format!("{good}\nneuron N {{{}}}", NEURON.replace("sigmoid(alpha = 4)", "g(3)"));
    let (model, diagnostics, _) = run(&used);
    assert!(diagnostics.is_empty());
    assert_eq!(model.neurons[0].spike.as_ref().map(|s| s.surrogate.text.as_str()), Some("g(a = 3)"));
}

#[test]
fn networks() {
    assert_eq!(network("", ""), [""; 0]);
    assert_eq!(network("simulate dt = 1 ms, for 100 ms", ""), ["E0501 N"]);
    assert_eq!(network("for 100 ms", "for 100.5 ms"), ["E0502 100.5 ms"]);
    assert_eq!(network("a[4]", "a[0]"), ["E0503 0"]);
    assert_eq!(network("a[4] spikes", "a[4] rates"), ["E0900 rates"]);
    assert_eq!(network("class[3]", "clas[3]"), ["E0504 clas"]);
    assert_eq!(network("= LIF", "= LFI"), ["E0209 LFI"]);
    assert_eq!(network("= LIF", "= LIF(tauu = 3 ms)"), ["E0211 tauu"]);
    assert_eq!(network("= LIF", "= LIF(tau = 3 mV)"), ["E0305 3 mV"]);
    assert_eq!(network("a -> h", "b -> h"), ["E0505 b"]);
    assert_eq!(network("h -> o", "o -> o"), ["E0505 o"]);
    assert_eq!(network("h -> o", "h -> u"), ["E0506 u"]);
    assert_eq!(network("h -> o.exc", "h -> o.ex"), ["E0506 ex"]);
    assert_eq!(network("a -> h.exc : dense", "a -> h.exc : random(1.1)"), ["E0514 1.1"]);
    assert_eq!(network("a -> h.exc : dense", "a -> h.exc : dens"), ["E0507 dens"]);
    assert_eq!(network("a -> h.exc : dense", "a -> h.exc : dense, delay 1.5 steps"), ["E0508 1.5 steps"]);
    assert_eq!(network("", "h -> h.exc : dense"), ["E0509 h -> h.exc : dense"]);
    // A time is at least one step, however short.
    assert_eq!(network("", "h -> h.exc : dense, delay 0.1 ms"), [""; 0]);
    assert_eq!(network("", "h -> h.exc : dense, delay 0 steps"), ["E0509 h -> h.exc : dense, delay 0 steps"]);
    assert_eq!(network("", "h -> h.exc : dense, delay 1 step, no_self"), [""; 0]);
    assert_eq!(network("a -> h.exc : dense", "a -> h.exc : dense, bias, bias"), ["E0510 bias"]);
    assert_eq!(network("a -> h.exc : dense", "a -> h.exc : dense, init ones"), ["E0511 ones"]);
    assert_eq!(network("a -> h.exc : dense", "a -> h.exc : dense, no_self"), ["E0512 no_self"]);
    assert_eq!(codes(&format!("network LIF {{{NETWORK}}}")), ["E0202 LIF"]);
    let cycle = "layer g[2] = LIF \n h -> g.exc : dense \n g -> h.exc : dense";
    assert_eq!(network("", cycle), ["E0509 g -> h.exc : dense"]);
    assert_eq!(network("", &format!("{cycle}, delay 1 step")), [""; 0]);
}

#[test]
fn layers_keep_what_was_proved_of_their_model() {
    let layer = |more: &str, arguments: &str| {
        let network = NETWORK.replace("layer h[5] = LIF", &format!("layer h[5] = N({arguments})"));
        codes(&format!("neuron N {{{NEURON}{more}}}\n network M {{{network}}}"))
    };
    let held = "param t_ref = 2 ms \n refractory t_ref holding V";
    assert_eq!(layer("", "tau = 30 ms"), [""; 0]);
    assert_eq!(layer("", "tau = 0 ms"), ["E0404 0 ms"]);
    assert_eq!(layer(held, "t_ref = 3 ms"), [""; 0]);
    assert_eq!(layer(held, "t_ref = 0 ms"), ["E0416 0 ms"]);
    assert_eq!(layer(held, "t_ref = -3 ms"), ["E0416 -3 ms"]);
    assert_eq!(layer(held, "t_ref = 0.4 ms"), ["E0416 0.4 ms"]);
    // The layer's value counts, not the range in which it lies.
    let ranged = held.replace("2 ms", "2 ms in 0 ms .. 9 ms");
    assert_eq!(layer(&ranged, "t_ref = 3 ms"), [""; 0]);
    assert_eq!(layer(&ranged, "t_ref = 0.4 ms"), ["E0416 0.4 ms"]);
    // The scale has its own unit, which need not be that of a state on the left.
    let text = format!("neuron N {{{NEURON}}}\n network M {{{NETWORK}}}")
        .replace("when V >= V_th surrogate", "when V/R >= V_th/R surrogate")
        .replace("scale V_th", "scale (V_th/R)")
        .replace("layer h[5] = LIF", "layer h[5] = N(V_th = -20 mV)");
    let (_, diagnostics, _) = run(&text);
    let found: Vec<&str> = diagnostics.iter().filter(|d| d.code == "E0415").map(|d| d.message.as_str()).collect();
    assert_eq!(found, ["expected a scale that is positive for all values of its parameters, found -2 nA"]);
}

#[test]
fn layers_are_sorted_by_their_projections() {
    let text = "network N { simulate dt = 1 ms, for 5 ms \n input a[1] spikes \n layer z[1] = LI \n layer y[2] = LIF
        layer x[3] = LIF \n a -> x.exc : dense, init constant(2 nA/fan_in) \n x -> y.exc : dense \n y -> z.exc : dense
        readout v = z.V }";
    let (model, diagnostics, _) = run(text);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let network = &model.networks[0];
    assert_eq!(network.layers.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["x", "y", "z"]);
    assert_eq!(network.projections[2].source, Source::Layer(1));
    assert_eq!(network.projections[2].target, 2);
    assert!(matches!(network.program.nodes[0], ProgramNode::Observe { layer: 2, .. }));
}

#[test]
fn losses() {
    assert_eq!(network("", "loss cross_entropy(max_t(o.V)/mV, label)"), [""; 0]);
    assert_eq!(network("", "loss mse(o.V/mV, goal, from = 10 ms)"), [""; 0]);
    assert_eq!(network("", "loss cross_entropy(max_t(o.V), label)"), ["E0601 max_t(o.V)"]);
    assert_eq!(network("", "loss mean_n(mean_t(o.V))"), ["E0601 mean_n(mean_t(o.V))"]);
    assert_eq!(network("", "loss max_t(mean_t(h.spike))"), ["E0602 mean_t(h.spike)"]);
    assert_eq!(network("", "loss mean_n(V)"), ["E0602 V"]);
    assert_eq!(network("", "readout r = o.V * h.spike"), ["E0603 h.spike"]);
    assert_eq!(network("", "loss mean_t(h.spike)"), ["E0604 mean_t(h.spike)"]);
    assert_eq!(network("", "loss mse(mean_t(o.V/mV), label)"), ["E0605 label"]);
    assert_eq!(network("", "loss mse(mean_t(h.spike), goal)"), ["E0603 mean_t(h.spike)"]);
    assert_eq!(network("", "readout r = mean_t(h.spike, from = 3 ms, to = 2 ms)"), ["E0606 3 ms"]);
    assert_eq!(network("", "readout r = mean_t(h.spike, to = 101 ms)"), ["E0606 101 ms"]);
    assert_eq!(network("", "readout r = mean_t(h.spike, from = 3.1 ms, to = 3.2 ms)"), ["E0606 3.1 ms"]);
    assert_eq!(network("", "loss 3"), ["E0607 3"]);
    assert_eq!(network("", "readout r = o.spike"), ["E0608 o.spike"]);
    assert_eq!(network("", "readout r = mean_b(h.spike)"), ["E0900 mean_b(h.spike)"]);
    assert_eq!(network("", "readout r = h.Vv"), ["E0212 Vv"]);
    assert_eq!(network("", "readout r = hh.V"), ["E0201 hh"]);
    assert_eq!(network("", "let m = mean_t(h.spike) \n loss mean_n(m*m) + 0.5*sum_n(m)"), [""; 0]);
    assert_eq!(network("", "let m = mean_t(h.spike)"), ["W0401 m"]);
}

#[test]
fn nodes_are_shared_and_renumbered() {
    let text = format!(
        "network N {{{NETWORK} let unused = sum_t(o.V) \n let m = mean_t(h.spike)
         loss mean_n(m*m) \n readout r = m \n readout k = 1 - 2*max_n(m)/3 }}"
    );
    let (model, _, _) = run(&text);
    let program = &model.networks[0].program;
    assert_eq!(program.nodes.len(), 6, "{:?}", program.nodes);
    assert_eq!(program.readouts[0].1, 1);
    let maps = program.nodes.iter().filter_map(|n| match n {
        ProgramNode::Map { inputs, function } => Some((inputs.as_slice(), *function)),
        _ => None,
    });
    for (inputs, function) in maps {
        assert_eq!(inputs.len(), 1);
        assert!(matches!(program.arena.node(function), Node::Binary(..)));
    }
}

#[test]
fn one_mistake_is_reported_once() {
    let text = format!(
        "neuron A {{ param tau = 20 mss \n state V : mV = 0 mV \n tau dV/dt = -V \n integrate exponential_euler }}
         network N {{ {} \n layer p[3] = A(tau = 3 ms) \n loss mean_n(p.V) \n layer q[2] = B \n q -> h.exc : dense \n readout r = q.V }}",
        NETWORK.trim()
    );
    assert_eq!(codes(&text), ["E0301 mss", "E0209 B"]);
}

#[test]
fn no_text_makes_it_panic() {
    let words: Vec<&str> = DIGITS.split_inclusive(' ').collect();
    for i in 0..words.len() {
        let without: String = words.iter().enumerate().filter(|(k, _)| *k != i).map(|(_, w)| *w).collect();
        run(&without);
        let mut swapped = words.clone();
        swapped.swap(i, (i * 7 + 3) % words.len());
        run(&swapped.concat());
        run(&words[..i].concat());
    }
    let chain: String = (1..40).map(|i| format!("fn f{i}(x) = f{}(x) + f{}(x)\n", i - 1, i - 1)).collect();
    assert!(codes(&format!("fn f0(x) = x\n{chain}const a = f39(1)")).iter().any(|c| c.starts_with("E0311")));
    let sum = vec!["1"; 900].join(" + ");
    assert_eq!(codes(&format!("const a = {sum}")), [""; 0]);
}

#[test]
fn every_sign_that_may_be_missing_has_a_name() {
    let more = "\nneuron Z { state V : mV^2 = 2 mV^2\n 2 ms^1 * dV/dt = 3 mV^2 ^ 1 - V\n refractory 2 ms holding V events kept }";
    let text = format!("{DIGITS}\nneuron Y {{{NEURON}}}{more}");
    let mut places: Vec<usize> = text.match_indices(|c: char| !c.is_alphanumeric() && c != '_').map(|m| m.0).collect();
    places.dedup();
    for pair in places.windows(2) {
        let (Some(before), Some(behind)) = (text.get(..pair[0]), text.get(pair[1]..)) else { continue };
        for without in [format!("{before} {behind}"), format!("{before} 1 {behind}")] {
            for diagnostic in run(&without).1.iter().filter(|d| matches!(d.code, "E0110" | "E0111")) {
                let message = diagnostic.message.split(", found").next().unwrap_or_default();
                assert!(!message.contains("a statement"), "{}\n{without}", diagnostic.message);
            }
        }
    }
}

#[test]
fn syntax_errors_have_no_sequels() {
    assert_eq!(neuron("tau dV/dt = -V + R*I", "tau dV/dt = -V + R I"), ["E0110 I"]);
    assert_eq!(neuron("state V : mV = 0 mV", "state V = 0 : mV"), ["E0110 :"]);
    assert_eq!(neuron("R*I", "(if 0 mV < V < 1 mV { V } else { R*I })"), ["E0108 <"]);
    assert_eq!(neuron("param R", "param V = 1 mV \n param R"), ["E0202 V"]);
    assert_eq!(network("simulate dt = 1 ms, for 100 ms", "simulate 1 ms, 100 ms"), ["E0110 1"]);
}

#[test]
fn an_event_is_known_in_its_block_alone() {
    let after = |body: &str| {
        let blocks = format!("event inh : mV\n on inh {{ V -= inh }}\n on exc {{ {body} }}");
        neuron("on exc { V += exc }", &blocks)
    };
    assert_eq!(after("V += exc"), [""; 0]);
    assert_ne!(after("V += inh"), [""; 0]);
}

#[test]
fn the_height_of_the_threshold_is_a_scale_if_it_is_positive() {
    let of = |height: &str| {
        let text = NEURON.replace(" scale V_th", "").replace("V_th = 20 mV", &format!("V_th = {height}"));
        hints(&format!("neuron N {{{text}}}"))
    };
    assert!(of("0.5 mV").contains("scale V_th"), "{}", of("0.5 mV"));
    assert!(of("0 mV").contains("scale 1 mV"), "{}", of("0 mV"));
    assert!(of("-5 mV").contains("scale 1 mV"), "{}", of("-5 mV"));
}
