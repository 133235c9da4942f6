//! `snn simulate` as a user runs it, and neurons against closed forms.

use snn_dsl::simulate::{Input, Piece, Place, Protocol, Recording, library, run};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn simulate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snn"));
    command.arg("simulate").args(arguments).output().expect("the command cannot be started")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a run that succeeds.
fn output(arguments: &[&str]) -> String {
    let output = simulate(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The message of a run that fails, which writes nothing else.
fn failure(arguments: &[&str]) -> String {
    let output = simulate(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    text(&output.stderr)
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("snn-simulate-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn file(name: &str, text: &str) -> String {
    let path = folder(name).join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_string()
}

const TWO: &str = "neuron Plain {
    param tau = 10 ms
    event e
    state V
    tau dV/dt = -V
    on e { V += e }
    integrate exponential_euler
}
neuron Many {
    param tau = uniform(10 ms, 30 ms)  in 1 ms .. 100 ms  per neuron
    drive x
    state V
    tau dV/dt = -V + x
    spike when V >= 1 surrogate sigmoid { V = 0 }
    integrate exponential_euler
}
";

const NETWORK: &str = "network N {
    simulate dt = 1 ms, for 10 ms
    input x[3] spikes
    layer a[4] = LIF
    x -> a.exc : dense
    loss mean_n(mean_t(a.spike))
}
";

/// The columns of a table after its names.
fn columns(csv: &str) -> (String, String, Vec<Vec<f64>>) {
    let mut lines = csv.lines();
    let (units, names) = (lines.next().unwrap().to_string(), lines.next().unwrap().to_string());
    let rows: Vec<Vec<f64>> = lines.map(|line| line.split(',').map(|x| x.parse().unwrap()).collect()).collect();
    let columns = (0..names.split(',').count()).map(|k| rows.iter().map(|row| row[k]).collect()).collect();
    (units, names, columns)
}

fn exp(x: f64) -> f64 {
    snn_runtime::math::exp(x)
}

fn ln(x: f64) -> f64 {
    snn_runtime::math::ln(x)
}

fn recording(model: &str, protocol: Protocol) -> Recording<f64> {
    run(&library(model).unwrap(), &protocol).unwrap()
}

#[test]
fn intervals_under_constant_current_are_those_of_the_closed_form() {
    // With a hard reset every interval is t_ref and the first step at or after T = tau ln((V_inf - V_r)/(V_inf - V_th)).
    let (tau, r, rest, threshold, reset, t_ref) = (20.0, 10.0, -65.0, -50.0, -65.0, 2.0);
    for dt in [0.1, 0.05, 1.0] {
        for current in [1.6, 2.0, 3.0, 10.0] {
            let inputs = vec![("I_ext".to_string(), Input::constant(current))];
            let recording =
                recording("LIF_refractory", Protocol { dt, duration: 500.0, inputs, ..Protocol::default() });
            let limit = rest + r * current;
            let first = (tau * ln((limit - reset) / (limit - threshold)) / dt).ceil();
            let interval = first + (t_ref / dt).round();
            let expected: Vec<u32> =
                (0..).map(|k| first + k as f64 * interval).take_while(|s| *s <= 500.0 / dt).map(|s| s as u32).collect();
            let found: Vec<u32> = recording.spikes.iter().map(|s| s.step + 1).collect();
            assert!(found.len() > 3, "{} spikes", found.len());
            assert_eq!(found, expected, "dt {dt}, {current} nA");
        }
    }
}

#[test]
fn the_potential_is_exact_on_the_grid() {
    let inputs = vec![("I_ext".to_string(), Input::constant(1.5))];
    let recording = recording("LIF", Protocol { inputs, ..Protocol::default() });
    for (k, v) in recording.trace("V").unwrap().of(0).enumerate() {
        let exact = 15.0 * (1.0 - exp(-0.1 * k as f64 / 20.0));
        assert!((v - exact).abs() < 1e-12 * 15.0, "step {k}: {v}, {exact}");
    }
    assert!(recording.spikes.is_empty());
}

#[test]
fn a_synaptic_current_decays_exponentially_from_its_events() {
    let inputs = vec![("exc".to_string(), Input::Spikes { times: vec![10.0, 20.05], weight: 0.5 })];
    let recording = recording("LIF", Protocol { duration: 60.0, inputs, ..Protocol::default() });
    for (k, i) in recording.trace("I").unwrap().of(0).enumerate() {
        // An event arrives at the beginning of its step and decays during it.
        let decayed = |first: usize| if k > first { 0.5 * exp(-0.1 * (k - first) as f64 / 5.0) } else { 0.0 };
        let exact = decayed(100) + decayed(200);
        assert!((i - exact).abs() < 1e-14, "row {k}: {i}, {exact}");
    }
}

#[test]
fn times_of_spikes_are_ends_of_steps() {
    let recording = recording(
        "LIF_delta",
        Protocol {
            dt: 0.5,
            duration: 10.0,
            inputs: vec![("exc".into(), Input::Spikes { times: vec![0.0, 3.2], weight: 30.0 })],
            ..Protocol::default()
        },
    );
    // The events are in steps 0 and 6; the potential is above the threshold at their ends.
    assert_eq!(recording.spike_times(0), [0.5, 3.5]);
    let v: Vec<f64> = recording.trace("V").unwrap().of(0).collect();
    assert_eq!((v.len(), v[0]), (21, 0.0));
    assert!((v[1] - (30.0 * exp(-0.5 / 20.0) - 20.0)).abs() < 1e-12);
}

#[test]
fn poisson_spikes_have_their_rate_and_differ_between_neurons() {
    let protocol = Protocol {
        dt: 1.0,
        duration: 2000.0,
        n: 100,
        seed: 3,
        // Nothing decays: the state counts.
        set: vec![("tau_syn".into(), snn_dsl::model::Value::Constant(1e12))],
        inputs: vec![("exc".into(), Input::Poisson { rate: 0.1, weight: 1.0 })],
        record: Some(vec!["I".into()]),
        ..Protocol::default()
    };
    let recording = recording("LIF", protocol);
    let trace = recording.trace("I").unwrap();
    let counts: Vec<f64> = (0..100).map(|i| trace.of(i).last().unwrap()).collect();
    let mean = counts.iter().sum::<f64>() / 100.0;
    let variance = counts.iter().map(|c| (c - mean) * (c - mean)).sum::<f64>() / 100.0;
    // Binomial: mean 200, variance 180; five standard errors.
    assert!((mean - 200.0).abs() < 6.8, "{mean}");
    assert!((variance - 180.0).abs() < 130.0, "{variance}");
}

#[test]
fn white_noise_has_its_variance_and_its_seed() {
    let noisy = "neuron Noisy {
        param tau = 10 ms
        param sigma = 2 mV
        state V : mV
        state W : mV
        tau dV/dt = -V + sigma*sqrt(2*tau)*xi
        tau dW/dt = -W + sigma*sqrt(2*tau)*xi
    }
";
    let model = snn_dsl::compile::compile("noisy", noisy).model.unwrap();
    let of = |seed, n| {
        let protocol = Protocol { dt: 1.0, duration: 100.0, n, seed, ..Protocol::default() };
        run::<f64>(&model.neurons[0], &protocol).unwrap()
    };
    let recording = of(5, 1000);
    let last = |state: &str| -> Vec<f64> {
        let trace = recording.trace(state).unwrap();
        (0..1000).map(|i| trace.of(i).last().unwrap()).collect()
    };
    let (v, w) = (last("V"), last("W"));
    let mean = |list: &[f64]| list.iter().sum::<f64>() / 1000.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / 1000.0;
    // Stationary after ten time constants: mean 0 and variance sigma^2, within five standard errors; independent.
    assert!(mean(&v).abs() < 0.32 && (product(&v, &v) - 4.0).abs() < 0.9, "{} {}", mean(&v), product(&v, &v));
    assert!(product(&v, &w).abs() < 0.64, "{}", product(&v, &w));
    assert_eq!(of(5, 1000), recording);
    // The numbers of a neuron do not depend on how many there are.
    let few = of(5, 2);
    for (few, many) in few.traces.iter().zip(&recording.traces) {
        assert!(few.of(1).eq(many.of(1)) && !few.of(0).eq(many.of(1)));
    }
    assert_ne!(of(6, 2), few);
    // They are those of the neurons without a protocol, too.
    let neuron = std::sync::Arc::new(snn_dsl::interpret::Interpreted::new(&model.neurons[0], &[]));
    let mut cells = snn_runtime::Cells::<f64>::new(neuron, 3, 1.0, &[]).unwrap();
    cells.set_noise_seed(5);
    for step in 1..=100 {
        cells.step(&[], &[]).unwrap();
        for name in ["V", "W"] {
            let trace = recording.trace(name).unwrap();
            for (i, &x) in cells.state(name).unwrap().iter().enumerate() {
                assert_eq!(Some(x), trace.of(i).nth(step), "{name} of {i} after {step}");
            }
        }
    }
}

#[test]
fn mistakes_of_a_protocol_name_their_place() {
    let neuron = library("LIF").unwrap();
    let of = |protocol: Protocol| run::<f64>(&neuron, &protocol).unwrap_err();
    let input = |input| Protocol { inputs: vec![("I_ext".into(), input)], ..Protocol::default() };
    for value in [f64::NAN, f64::INFINITY] {
        assert_eq!(of(Protocol { dt: value, ..Protocol::default() }).place, Place::Dt);
        assert_eq!(of(Protocol { duration: value, ..Protocol::default() }).place, Place::Duration);
        assert_eq!(
            of(Protocol { init: vec![("V".into(), value)], ..Protocol::default() }).place,
            Place::Init("V".into())
        );
        let set = vec![("R".into(), snn_dsl::model::Value::Constant(value))];
        assert_eq!(of(Protocol { set, ..Protocol::default() }).place, Place::Set("R".into()));
        assert_eq!(of(input(Input::constant(value))).place, Place::Input("I_ext".into()));
        assert_eq!(of(input(Input::Series(vec![(value, 1.0)]))).place, Place::Input("I_ext".into()));
        let pieces = vec![Piece { value: 1.0, duration: Some(value) }];
        assert_eq!(of(input(Input::Pieces(pieces))).place, Place::Input("I_ext".into()));
    }
    let error = of(input(Input::Series(vec![(1.0, 1.0), (1.0, 2.0)])));
    assert_eq!(error.message, "expected rising times, found 1 ms after 1 ms");
}

#[test]
fn the_summary_has_statistics_and_a_trace() {
    let printed = output(&["LIF", "--input", "I_ext=2.5nA", "--for", "200 ms"]);
    let mut lines = printed.lines();
    assert_eq!(lines.next(), Some("LIF: 1 neuron, 200 ms in 2000 steps of 0.1 ms, f64"));
    assert_eq!(lines.next(), Some("6 spikes, 30 Hz; mean interval 32.2 ms, CV 0"));
    assert!(
        printed.contains("\n   spikes  ") && printed.contains("\u{2502}") && printed.contains("200 ms\n"),
        "{printed}"
    );
    let printed = output(&["LI", "--for", "10ms"]);
    assert!(printed.contains("no input; `--input PORT=...` gives one, ports are `exc`\nno threshold, no spikes\n"));
    assert!(output(&["--model", "LIF", "--for", "1ms"]).contains("no spikes\n"));
}

#[test]
fn tables_have_units_names_and_the_initial_state() {
    let csv = output(&["LIF", "--for", "1 ms", "--csv", "-", "--input", "I_ext=2nA", "--init", "V=3mV"]);
    let (units, names, columns) = columns(&csv);
    assert_eq!((units.as_str(), names.as_str()), ("# ms,nA,mV", "t,I,V"));
    assert_eq!(columns[0], [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
    assert_eq!(columns[2][0], 3.0);
    let csv = output(&["LIF", "--for", "1 ms", "--csv", "-", "--record", "V, I"]);
    assert!(csv.starts_with("# ms,mV,nA\nt,V,I\n0,0,0\n"), "{csv}");
    let csv = output(&["GIF", "--for", "1 ms", "--csv", "-", "--record", "V,x", "--n", "2"]);
    assert!(csv.starts_with("# ms,1,1,1,1\nt,V[0],V[1],x[0],x[1]\n"), "{csv}");
    // The summary goes to the other stream.
    let both = simulate(&["LIF", "--for", "1 ms", "--csv", "-"]);
    assert!(text(&both.stderr).starts_with("LIF: 1 neuron"));
}

#[test]
fn tables_are_read_back_to_the_same_bits() {
    let folder = folder("round");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_string();
    let (csv, spikes) = (path("run.csv"), path("spikes.txt"));
    let arguments = ["ALIF", "--for", "100ms", "--input", "exc=poisson(300Hz, 3nA)", "--seed", "7", "--n", "3"];
    output(&[&arguments[..], &["--csv", &csv, "--spikes", &spikes]].concat());
    let neuron = library("ALIF").unwrap();
    let protocol = Protocol {
        n: 3,
        seed: 7,
        inputs: vec![("exc".into(), Input::Poisson { rate: 0.3, weight: 3.0 })],
        ..Protocol::default()
    };
    let recording = run::<f64>(&neuron, &protocol).unwrap();
    let (_, _, columns) = columns(&std::fs::read_to_string(&csv).unwrap());
    for (k, (state, i)) in ["I", "V", "b"].into_iter().flat_map(|s| (0..3).map(move |i| (s, i))).enumerate() {
        let values: Vec<f64> = recording.trace(state).unwrap().of(i).collect();
        assert_eq!(columns[k + 1], values, "{state}[{i}]");
    }
    let written = std::fs::read_to_string(&spikes).unwrap();
    let found: Vec<(f64, u32)> = written
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(time, neuron)| (time.parse().unwrap(), neuron.parse().unwrap()))
        .collect();
    let expected: Vec<(f64, u32)> = recording.spikes.iter().map(|s| (recording.spike_time(*s), s.neuron)).collect();
    assert!(found.len() > 5, "{}", found.len());
    assert_eq!(found, expected);
    // The course of a state can be an input.
    let replayed = output(&[
        "LIF",
        "--for",
        "100ms",
        "--input",
        &format!("I_ext=@{}", file("drive.csv", "# ms,pA\nt,I_ext\n0,0\n50,2500\n")),
        "--csv",
        "-",
        "--record",
        "V",
    ]);
    let stepped = output(&["LIF", "--for", "100ms", "--input", "I_ext=0nA:50ms;2.5nA", "--csv", "-", "--record", "V"]);
    assert_eq!(replayed, stepped);
    // At an event port each line is a spike.
    let table = file("events.csv", "20,1\n10,1\n");
    let replayed = output(&["LIF", "--for", "50ms", "--input", &format!("exc=@{table}"), "--csv", "-"]);
    assert_eq!(replayed, output(&["LIF", "--for", "50ms", "--input", "exc=spikes(10 ms, 20 ms; 1 nA)", "--csv", "-"]));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "a temporary file is left");
}

#[test]
fn parameters_starting_values_and_inputs_are_set() {
    let csv = |arguments: &[&str]| output(&[&["LIF", "--for", "20ms", "--csv", "-"], arguments].concat());
    let set = ["--set", "tau=10 ms", "--set", "R=2*(5 MOhm)", "--set", "V_rest=-0.001V", "--init", "I=100 pA"];
    let (_, _, columns) = columns(&csv(&set));
    // The trainable tau takes its stored form and comes back but for rounding.
    assert!((columns[2][1] - ((1.0 - exp(-0.01)) * (-1.0 + 10.0 * 0.1) - exp(-0.01))).abs() < 1e-12);
    assert_eq!((columns[1][0], columns[2][0]), (0.1, -1.0));
    // An event port gets a value in every step; several inputs of a port add up.
    let both = csv(&["--input", "exc=0.25nA:10ms", "--input", "exc=0.5nA:5ms", "--input", "I_ext=1nA"]);
    assert_eq!(both, csv(&["--input", "exc=0.75nA:5ms; 0.25nA:5ms", "--input", "I_ext=1 nA"]));
    let two = file("two.snn", TWO);
    let chosen = output(&[
        &two,
        "--model",
        "Many",
        "--n",
        "2",
        "--set",
        "tau=loguniform(20ms, 21ms)",
        "--input",
        "x=2",
        "--for",
        "100ms",
    ]);
    assert!(chosen.starts_with("Many: 2 neurons") && chosen.contains(" Hz a neuron"), "{chosen}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let two = file("seeds.snn", TWO);
    let random = |seed: &str, n: &str| {
        let drawn = output(&[
            &two, "--model", "Many", "--n", n, "--seed", seed, "--input", "x=1.5", "--for", "50ms", "--csv", "-",
        ]);
        let poisson = output(&[
            "LIF",
            "--n",
            n,
            "--seed",
            seed,
            "--input",
            "exc=poisson(1kHz, 1nA)",
            "--for",
            "50ms",
            "--csv",
            "-",
        ]);
        [drawn, poisson]
    };
    let [drawn, poisson] = random("1", "3");
    assert_eq!(random("1", "3"), [drawn.clone(), poisson.clone()]);
    for (other, same) in random("2", "3").iter().zip([&drawn, &poisson]) {
        assert_ne!(other, same);
    }
    // Every neuron has its own numbers, which do not depend on how many there are.
    for (few, many) in random("1", "2").iter().zip([&drawn, &poisson]) {
        let (few, many) = (columns(few).2, columns(many).2);
        let states = (few.len() - 1) / 2;
        for state in 0..states {
            assert_eq!(few[1 + 2 * state..][..2], many[1 + 3 * state..][..2]);
        }
        assert_ne!(few[2 * states - 1], few[2 * states]);
    }
}

#[test]
fn f32_has_its_own_numbers_and_says_when_they_end() {
    let arguments = ["LIF", "--for", "10ms", "--input", "I_ext=1nA", "--csv", "-", "--record", "V"];
    let (_, _, wide) = columns(&output(&arguments));
    let (_, _, narrow) = columns(&output(&[&arguments[..], &["--f32"]].concat()));
    assert_ne!(wide[1], narrow[1]);
    assert!(wide[1].iter().zip(&narrow[1]).all(|(a, b)| (a - b).abs() < 1e-5));
    assert!(
        narrow[1]
            .iter()
            .all(|x| f64::from(*x as f32).to_bits() == x.to_bits() || format!("{}", *x as f32) == format!("{x}"))
    );
    let csv = folder("infinite").join("x.csv");
    let message = failure(&["LIF", "--f32", "--input", "I_ext=0nA:1ms; 1e38*nA", "--csv", csv.to_str().unwrap()]);
    let expected = "error: simulation: state `V` of neuron 0 became inf at 1.1 ms in f32\nhelp: numbers beyond 3.4e38";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(std::fs::read_dir(csv.parent().unwrap()).unwrap().count(), 0, "a file is left");
}

#[test]
fn figures_are_well_formed_and_complete() {
    let folder = folder("figures");
    let path = folder.join("many.svg").to_str().unwrap().to_string();
    let arguments = ["LIF", "--n", "20", "--for", "100ms", "--input", "exc=poisson(500Hz, 2nA)", "--seed", "1"];
    let printed = output(&[&arguments[..], &["--svg", &path]].concat());
    let spikes: usize = printed.lines().nth(1).and_then(|l| l.split(' ').next()).unwrap().parse().unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    for part in ["V (mV)", "I (nA)", ">neuron<", "time (ms)", "LIF, 20 neurons", "neuron 3"] {
        assert!(svg.contains(part), "no {part}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    // The raster has a mark for each spike.
    let raster = svg.lines().rfind(|l| l.contains("stroke-width=\"0.9\"")).unwrap();
    assert_eq!(raster.matches('M').count(), spikes);
    // A figure of one neuron goes to a pipe, too.
    let one = output(&["LI", "--for", "10ms", "--svg", "-"]);
    assert!(one.starts_with("<svg ") && one.contains("V (mV)") && !one.contains(">neuron<"));
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_snn"))
        .args(["simulate", "LIF", "--for", "5 s", "--csv", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut start = [0u8; 10];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut start).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(!text(&output.stderr).contains("error"), "{}", text(&output.stderr));
}

#[test]
fn the_neuron_is_chosen() {
    let two = file("choose.snn", TWO);
    let network = file("network.snn", NETWORK);
    for (arguments, expected) in [
        (vec![two.as_str()], "expected one neuron, found 2\nhelp: choose one with --model: `Plain`, `Many`"),
        (vec![&two, "--model", "Plan"], "--model Plan: expected a neuron of"),
        (vec![&two, "--model", "Plan"], "did you mean `Plain`?"),
        (vec![&two, "--model", "ALIF"], "it is one of the library: `snn simulate ALIF`"),
        (vec![&network, "--model", "M"], "--model M: expected a neuron of"),
        (vec![&network, "--n", "3"], "--n: the layers of a network have their sizes in the text"),
        (vec![&network, "--init", "V=1mV"], "--init V=1mV: a network starts at the values of its models"),
        (vec![&network, "--set", "tau=5ms"], "write `--set LAYER.tau=...`"),
        (vec![&network, "--set", "b.tau=5ms"], "expected a layer of `N`, found `b`"),
        (vec![&network, "--set", "a.taw=5ms"], "--set a.taw: expected a parameter of `LIF`, found `taw`"),
        (vec![&network, "--input", "y=poisson(5Hz, 1)"], "expected an input of `N` or `LAYER.PORT`, found `y`"),
        (vec![&network, "--input", "a.I=1nA"], "expected an event port or a drive of `LIF`, found `I`"),
        (vec![&network, "--record", "V"], "write `LAYER.STATE`, e.g. `--record exc.V`"),
        (vec![&network, "--record", "a.W"], "expected a state of `LIF`, found `W`"),
        (vec![&network, "--csv", "x.csv"], "expected the states to write, found none\nhelp: write `--record a.V`"),
        (vec![&network, "--parameters", "no.safetensors"], "no.safetensors"),
        (vec!["LIF", "--parameters", "x"], "--parameters: expected a network, found a neuron"),
        (vec!["LIFF"], "did you mean `LIF`?"),
        (vec!["--model", "LIFF"], "did you mean `LIF`?"),
        (vec!["nothing.snn"], "cannot read nothing.snn"),
        (vec!["sigmoid"], "expected a model file or the name of a library model, found `sigmoid`"),
    ] {
        let message = failure(&arguments);
        assert!(message.contains(expected), "{arguments:?}: {message}");
    }
    assert!(output(&[&network, "--model", "LIF", "--for", "1ms"]).starts_with("LIF: 1 neuron"));
    assert!(output(&[&network]).starts_with("N: 4 neurons, 12 connections"));
    assert!(output(&[&network, "--model", "N"]).starts_with("N: 4 neurons"));
    let broken = file("broken.snn", &TWO.replace("= -V + x", "= -V + 3 nA"));
    assert!(failure(&[&broken]).contains("error[E0302]"));
}

/// Connections in a file next to the model, wherever the command is started.
#[test]
fn connections_are_read_next_to_the_model() {
    let text = NETWORK.replace("dense", "edges(\"lists/edges.npz\"), init constant(30 nA)");
    let network = file("edges.snn", &text);
    let lists = Path::new(&network).parent().unwrap().join("lists");
    std::fs::create_dir_all(&lists).unwrap();
    let save = |target: &[i64]| {
        let mut out = snn_runtime::data::NpzWriter::new();
        out.add("source", snn_runtime::ndarray::aview1(&[0i64, 2])).unwrap();
        out.add("target", snn_runtime::ndarray::aview1(target)).unwrap();
        out.save(lists.join("edges.npz")).unwrap();
    };
    save(&[3, 1]);
    let input = "x=spikes(1ms; 1)";
    let found = output(&[&network, "--input", input]);
    assert!(found.starts_with("N: 4 neurons, 2 connections"), "{found}");
    let spikes = output(&[&network, "--input", input, "--spikes", "-"]);
    let neurons: Vec<&str> = spikes.lines().filter_map(|line| line.split(' ').nth(2)).collect();
    assert!(neurons.contains(&"1") && neurons.contains(&"3") && !neurons.contains(&"0"), "{spikes}");
    save(&[3, 4]);
    let message = failure(&[&network]);
    let expected = "edges.npz, array `target`, entry 1: expected one of the 4 targets of the projection, counted from 0, \
                    found 4";
    assert!(message.contains(expected) && message.contains("projection `x_to_a_exc`"), "{message}");
    std::fs::remove_file(lists.join("edges.npz")).unwrap();
    let message = failure(&[&network]);
    assert!(message.contains("lists/edges.npz: cannot open the file"), "{message}");
}

#[test]
fn every_mistake_names_the_option_and_the_remedy() {
    let csv = file("mistake.csv", "0,1\nx,2\n");
    let table = format!("I_ext=@{csv}");
    for (option, value, expected) in [
        ("--dt", "0ms", "--dt: expected a time step of more than 0 ms, found 0 ms"),
        (
            "--dt",
            "0.1",
            "--dt: expected ms for the time step, found a number without unit\nhelp: write the unit: `0.1 ms`",
        ),
        (
            "--dt",
            "0.3ms",
            "--for: expected a whole number of steps of 0.3 ms, found 500 ms\nhelp: write `499.8 ms` or `500.1 ms`",
        ),
        ("--for", "0.05ms", "--for: expected at least one step of 0.1 ms, found 0.05 ms\nhelp: simulate longer"),
        ("--for", "1e9 s", "--for: expected at most 268435456 steps"),
        ("--for", "10mV", "--for: expected ms for the length, found mV"),
        ("--n", "0", "--n: expected 1 to 10000000 neurons, found 0"),
        ("--set", "tau", "--set tau: expected a name, `=` and a value"),
        ("--set", "tua=1ms", "--set tua: expected a parameter of `LIF`, found `tua`\nhelp: did you mean `tau`?"),
        ("--set", "V=1mV", "help: `V` is a state: `--init V=...`"),
        ("--set", "exc=1nA", "help: `exc` is a port: `--input exc=...`"),
        ("--set", "tau=10", "--set tau: expected ms for parameter `tau`, found a number without unit"),
        ("--set", "tau=10mS", "`mS` is uS; did you mean `ms`?"),
        (
            "--set",
            "tau=500ms",
            "expected a value of `tau` strictly inside 1 .. 200 ms, found 500 ms\nhelp: take a value",
        ),
        ("--set", "tau=uniform(2 ms, 3 ms)", "expected a constant for `tau`, found a distribution"),
        ("--set", "V_th=-5mV", "--set V_th: expected a positive scale of the threshold"),
        ("--set", "tau_syn=0 ms", "--set tau_syn: expected a factor of `dI/dt` that is not 0"),
        ("--set", "tau=", "--set tau: expected a value for parameter `tau`, found nothing"),
        ("--init", "V=20", "--init V: expected mV for state `V`, found a number without unit"),
        ("--init", "W=20mV", "--init W: expected a state of `LIF`, found `W`\nhelp: it has `I`, `V`"),
        ("--init", "tau=1ms", "help: `tau` is a parameter: `--set tau=...`"),
        (
            "--input",
            "exp=1nA",
            "--input exp: expected an event port or a drive of `LIF`, found `exp`\nhelp: did you mean `exc`?",
        ),
        ("--input", "I_ext=poisson(1Hz,1nA)", "expected values for the drive `I_ext`, found spikes"),
        ("--input", "I_ext=1mV", "--input I_ext: expected nA for a value of `I_ext`, found mV"),
        ("--input", "I_ext=1nA; 2nA", "expected a duration for piece 1 of 2"),
        ("--input", "I_ext=1nA:0ms", "expected a duration of more than 0 ms, found 0 ms"),
        ("--input", "I_ext=1nA:1us", "expected a duration of at least one step of 0.1 ms, found 0.001 ms"),
        ("--input", "I_ext=1nA:1ms:1ms", "expected `VALUE:DURATION`"),
        ("--input", "I_ext=NaN", "expected a name or a unit, found `NaN`\nhelp: a value is made of numbers and units"),
        ("--input", "I_ext=@no.csv", "--input I_ext: cannot read no.csv: "),
        ("--input", &table, "mistake.csv, line 2: expected a number, found `x`"),
        ("--input", "exc=poisson(200MHz, 1nA)", "expected at most 10000 spikes in a step of 0.1 ms, found 20000"),
        ("--input", "exc=poisson(-1Hz, 1nA)", "expected a rate of at least 0 Hz, found -1 Hz"),
        ("--input", "exc=poisson(20, 1nA)", "expected Hz for the rate of `poisson`, found a number without unit"),
        ("--input", "exc=poisson(20Hz)", "help: write `poisson(100 Hz, 0.5 nA)`"),
        ("--input", "exc=possion(20Hz, 1nA)", "help: did you mean `poisson(...)`?"),
        ("--input", "exc=spikes(1 ms)", "help: write `spikes(10 ms, 20 ms; 0.5 nA)`"),
        ("--input", "exc=spikes(500 ms; 1nA)", "expected times from 0 ms to before 500 ms, found 500 ms"),
        ("--input", "exc=spikes(-1 ms; 1nA)", "expected times from 0 ms to before 500 ms, found -1 ms"),
        ("--record", "V,W", "--record: expected a state of `LIF`, found `W`"),
        ("--record", "V,V", "--record: state `V` is given twice"),
        ("--record", "", "--record: expected names of states, found none"),
        ("--csv", "/no/such/folder/x.csv", "error: cannot write /no/such/folder/x.csv: "),
    ] {
        let message = failure(&["LIF", option, value]);
        assert!(message.starts_with("error: ") && message.contains(expected), "{option} {value}: {message}");
    }
    for (arguments, expected) in [
        (vec!["LIF", "--set", "tau=10ms", "--set", "tau=11ms"], "--set tau: expected one value, found a second"),
        (vec!["LIF", "--init", "V=1mV", "--init", "V=2mV"], "--init V: expected one value, found a second"),
        (vec!["LIF", "--csv", "-", "--spikes", "-"], "--spikes -: --csv writes there, too"),
        (vec!["LIF", "--n", "100000", "--csv", "-"], "expected at most 268435456 recorded numbers, found 1000200000"),
        (vec!["LIF_refractory", "--set", "t_ref=0ms"], "expected a positive refractory period, found 0 ms"),
        (vec!["LIF_refractory", "--set", "t_ref=1us"], "--dt: expected steps no longer than the refractory period"),
        (vec!["LIF", "--f32", "--init", "V=1e39*mV"], "--init V: expected a finite starting value in f32, found 1e39"),
        (vec!["LIF", "--input", "I_ext=1e308*nA"], "state `V` of neuron 0 became inf at 0.1 ms in f64"),
    ] {
        let message = failure(&arguments);
        assert!(message.starts_with("error: ") && message.contains(expected), "{arguments:?}: {message}");
    }
}

#[test]
fn the_examples_of_the_documentation_print_what_they_show() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulate.md")).unwrap();
    let mut count = 0;
    for block in page.split("```text\n$ snn simulate ").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let (command, expected) = block.split_once('\n').unwrap();
        // Words as a shell takes them apart.
        let words: Vec<String> = command
            .split('\'')
            .enumerate()
            .flat_map(|(k, part)| match k % 2 {
                0 => part.split_whitespace().map(String::from).collect(),
                _ => vec![part.to_string()],
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = simulate(&words);
        let printed = if output.status.success() { text(&output.stdout) } else { text(&output.stderr) };
        let printed: String = printed.lines().map(|line| format!("{}\n", line.trim_end())).collect();
        match expected.strip_suffix("...\n") {
            Some(start) => assert!(printed.starts_with(start), "{command}:\n{printed}"),
            None => assert_eq!(printed, expected, "{command}"),
        }
        count += 1;
    }
    assert!(count >= 3, "{count} examples");
}

#[test]
fn the_error_of_a_step_is_measured() {
    let path = file(
        "error.snn",
        "neuron Grow {\n param tau = 10 ms\n state V = 1\n tau dV/dt = V*(2 - V)\n integrate euler\n}",
    );
    let explain = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_snn")).arg("explain").args(arguments).output().unwrap();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let error_at = |dt: &str| {
        let (success, out, message) = explain(&[&path, "--error", "--dt", dt, "--for", "50ms"]);
        assert!(success, "{message}");
        assert!(
            out.contains(&format!("error of Grow in 50 ms at dt = {} ms, against ", dt.trim_end_matches("ms"))),
            "{out}"
        );
        let line = out.lines().find(|l| l.starts_with("  V  ")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
    };
    // Nine tenths of the error of the coarser run; of first order.
    let (coarse, fine) = (error_at("1ms"), error_at("0.1ms"));
    assert!((9.0..12.0).contains(&(coarse / fine)), "{coarse} {fine}");
    assert!(coarse < 0.05 && coarse > 0.005, "{coarse}");

    let (success, out, _) = explain(&["LIF", "--error", "--input", "I_ext=2.5nA", "--for", "200ms"]);
    assert!(success && out.contains("spikes: 6, and 6; at most"), "{out}");
    let (success, _, message) = explain(&["LIF", "--dt", "1ms"]);
    assert!(!success && message.contains("expected `--error`"), "{message}");
    let (success, _, message) = explain(&["LIF", "--error", "--input", "exc=poisson(100 Hz, 1 nA)"]);
    assert!(!success && message.contains("found random spikes"), "{message}");
}

#[test]
fn divisors_are_looked_at_with_the_values_that_are_set() {
    let ratio = "neuron Ratio {
    param a = 1
    state x = 1/a
    state y = 2
    ms dx/dt = -x/(a + y^2)
    ms dy/dt = if a == 0 { -y } else { -y/a }
}
";
    let path = file("ratio.snn", ratio);
    let words = |set: &[&str]| text(&simulate(&[&[path.as_str(), "--for", "1ms"], set].concat()).stderr);
    assert_eq!(words(&[]), "");
    assert_eq!(words(&["--set", "a=2"]), "");
    let doubtful = words(&["--set", "a=-2"]);
    assert_eq!(doubtful, "warning: a + y*y, a divisor in the equation of `x`, may become 0\n");
    let zero = failure(&[&path, "--set", "a=0"]);
    let expected = "error: --set a: expected divisors that are not 0, found one: a, a divisor in the starting value of \
                    `x`, is 0\nhelp: give another value\n";
    assert_eq!(zero, expected);
}

/// A network runs as it is said to: its inputs and what comes from outside, other parameters, other seeds.
#[test]
fn a_network_is_run() {
    let path = file(
        "run.snn",
        "network Two {
            simulate dt = 0.5 ms, for 50 ms
            input x[3] spikes
            input u[2] values
            layer a[4] = LIF
            layer b[2] = LIF
            x -> a.exc : random(0.7), init constant(6 nA)
            u -> b.I_ext : one_to_one, init constant(3 nA)
            a -> b.exc : dense, delay 1 ms, init constant(2 nA)
        }",
    );
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = [path.as_str(), "--spikes", "-", "--input", "x=poisson(300 Hz, 1)"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        output(&all)
    };
    let spikes = run(&[]);
    assert!(spikes.lines().any(|l| l.contains(" a ")) && spikes.lines().any(|l| l.contains(" b ")), "{spikes}");
    assert_eq!(run(&[]), spikes);
    assert_ne!(run(&["--seed", "1"]), spikes);
    assert_ne!(run(&["--set", "a.tau=5ms"]), spikes);
    assert_ne!(run(&["--input", "b.I_ext=2nA"]), spikes);
    assert_ne!(run(&["--input", "u=1"]), spikes);
    // A longer run goes on where the shorter one ends.
    assert!(run(&["--for", "200ms"]).starts_with(spikes.lines().next().unwrap()));
    let table = output(&[&path, "--csv", "-", "--record", "a.V,b.I", "--for", "1 ms"]);
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("# ms,mV,mV,mV,mV,nA,nA"));
    assert_eq!(lines.next(), Some("t,a.V[0],a.V[1],a.V[2],a.V[3],b.I[0],b.I[1]"));
    assert_eq!(lines.next(), Some("0,0,0,0,0,0,0"));
    assert_eq!(lines.count(), 2);
}
