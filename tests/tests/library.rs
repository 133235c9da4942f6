//! Library neurons against independent solutions of the published equations, and against published numbers.
//!
//! Where the equations are linear, a step is exact, so a simulation in coarse steps equals a solution whose threshold is looked
//! at at the same times. Everywhere else the error must be small at a small step and smaller at half of it.

use snn_tests::reference::integrate_and_fire::{self as lif, Glif};
use snn_tests::reference::library::{Library, named};
use snn_tests::reference::nonlinear::{self, AdaptiveExponential, BRETTE_GERSTNER};
use snn_tests::reference::{Detection, Model, Stimulus, channels, solve};

/// Every neuron is named by a test of this file.
#[test]
fn no_library_neuron_is_without_a_reference() {
    let tests = include_str!("library.rs");
    for name in snn_dsl::library::neuron_names() {
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is compared with nothing");
    }
}

/// The tables of `docs/library.md` have every neuron once, with its states; the pages that count them count right.
#[test]
fn the_page_about_the_library_is_complete() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let page = |name: &str| std::fs::read_to_string(root.join(name)).unwrap();
    let text = page("docs/library.md");
    let mut rows: Vec<(&str, &str)> = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [name, _, states, _] = cells[..] {
            rows.extend(name.strip_prefix('`').and_then(|n| n.strip_suffix('`')).map(|name| (name, states)));
        }
    }
    rows.sort_unstable();
    let names: Vec<&str> = rows.iter().map(|r| r.0).collect();
    assert_eq!(names, snn_dsl::library::neuron_names());
    for (name, states) in rows {
        let neuron = snn_tests::library_neuron(name);
        let expected: Vec<&str> = neuron.states.iter().map(|s| s.quantity.name.as_str()).collect();
        assert_eq!(states, expected.join(", "), "{name}");
    }
    let count = names.len();
    assert!(text.contains(&format!("{count} neurons, one text each")), "docs/library.md: there are {count}");
    assert!(page("README.md").contains(&format!("the {count} neurons of the library")), "README.md: there are {count}");
    assert!(page("CHANGELOG.md").contains(&format!("{count} neurons and")), "CHANGELOG.md: there are {count}");
}

/// Some spikes of different weights, on the grid of 0.25 ms.
const SPIKES: [(f64, f64); 8] =
    [(3.0, 1.0), (3.25, 0.5), (11.0, 2.0), (20.0, -0.5), (20.5, 1.5), (34.75, 3.0), (35.0, 1.0), (51.0, 2.5)];

fn spikes(scale: f64) -> Vec<(f64, f64)> {
    SPIKES.iter().map(|&(t, w)| (t, scale * w)).collect()
}

fn excitation(scale: f64) -> Vec<(f64, f64)> {
    SPIKES.iter().map(|&(t, w)| (t, scale * f64::abs(w))).collect()
}

/// A simulation in steps of 0.25 ms equals the solution, which looks for spikes at the same times, to 1e-10.
fn exact<const N: usize>(
    library: &Library<'_>,
    model: &Model<N>,
    stimulus: &Stimulus,
    states: &[(&str, usize, f64)],
    at_least: usize,
) {
    let (dt, every) = (0.25, 0.25);
    let reference = solve(model, stimulus, Detection::Grid(dt), 0.0125, every);
    assert!(reference.spikes.len() >= at_least, "{}: {:?}", library.name, reference.spikes);
    let error = library.error(stimulus, &reference, dt, states, every);
    println!("{} (exact, dt {dt}): {} spikes, {error:?}", library.name, reference.spikes.len());
    assert!(error.time < 1e-9 && error.trace < 1e-10, "{}: {error:?}", library.name);
}

/// The errors at `dt` and half of it against a solution in steps of `h`; for states it is the largest error over the range.
/// At half the step they must be at most 0.6 of the bound.
fn converges<const N: usize>(
    library: &Library<'_>,
    model: &Model<N>,
    stimulus: &Stimulus,
    (dt, h): (f64, f64),
    (at_least, time): (usize, f64),
    (states, trace): (&[(&str, usize, f64)], f64),
) {
    let every = 0.5;
    let reference = solve(model, stimulus, Detection::Anywhere, h, every);
    let (name, count) = (library.name, reference.spikes.len());
    assert!(count >= at_least, "{name}: {:?}", reference.spikes);
    let errors = [1.0, 0.5].map(|part| library.error(stimulus, &reference, part * dt, states, every));
    println!("{name} (dt {dt} and half): {count} spikes, {errors:?}");
    for (error, part) in errors.into_iter().zip([1.0, 0.6]) {
        assert!(error.time <= part * time && error.trace <= part * trace, "{name}: {count} spikes, {errors:?}");
    }
}

/// Without a comparison of states: after a reset that comes at the end of a step they are shifted.
const TIMES_ALONE: (&[(&str, usize, f64)], f64) = (&[], 0.0);

#[test]
fn neurons_without_leak_or_with_shifts_alone() {
    let stimulus = Stimulus::step(80.0, 5.0, 0.93).with_events(0, &spikes(6.1));
    let model = lif::perfect();
    exact(&Library::new("IF"), &model, &stimulus, &named(&model, ["V"]), 4);
    let stimulus = Stimulus::step(80.0, 5.0, 2.2).with_events(0, &spikes(6.0));
    let model = lif::leaky_fire_shifted();
    exact(&Library::new("LIF_delta"), &model, &stimulus, &named(&model, ["V"]), 4);
    let model = lif::leaky_shifted();
    let stimulus = Stimulus { duration: 80.0, ..Stimulus::default() }.with_events(0, &spikes(6.0));
    exact(&Library::new("LI_delta"), &model, &stimulus, &named(&model, ["V"]), 0);
    let model = lif::leaky_pulsed();
    exact(&Library::new("LI"), &model, &stimulus, &named(&model, ["V", "I"]), 0);
}

/// The interval is dt*ceil(T/dt) plus the refractory period, with T in closed form.
#[test]
fn intervals_of_a_leaky_neuron() {
    for (tau, r, rest, threshold, reset, refractory, current, interval) in [
        (30.0, 1.0, -50.0, -55.0, -70.0, 0.1, 0.0, 41.588_83 + 0.1),
        (30.0, 1.0, -50.0, -55.0, -70.0, 5.0, 0.0, 46.588_83),
        (16.0, 5000.0, -53.0, -55.0, -70.0, 0.1, 0.0, 34.241_06 + 0.1),
        (20.0, 20.0, -65.0, -50.0, -70.0, 8.0, 1.0, 40.188_76),
        (20.0, 20.0, -65.0, -52.0, -62.0, 10.0, 0.9, 31.972_25),
    ] {
        let neuron = Library {
            name: "LIF_refractory",
            parameters: vec![
                ("tau", tau),
                ("R", r),
                ("V_rest", rest),
                ("V_th", threshold),
                ("V_reset", reset),
                ("t_ref", refractory),
            ],
            starts: vec![("V", reset)],
        };
        let v_inf = rest + r * current;
        let time: f64 = tau * libm::log((v_inf - reset) / (v_inf - threshold));
        assert!((time + refractory - interval).abs() < 1e-5, "{}", time + refractory);
        for dt in [0.1, 0.025] {
            let run = neuron.run(&Stimulus::step(250.0, 0.0, current), dt, &[], 1.0);
            assert!(run.spikes.len() >= 4);
            for pair in run.spikes.windows(2) {
                let expected = dt * (time / dt).ceil() + refractory;
                assert!((pair[1] - pair[0] - expected).abs() < 1e-9, "{} {expected}", pair[1] - pair[0]);
            }
        }
    }
}

#[test]
fn linear_neurons_with_synaptic_currents() {
    let stimulus = Stimulus::step(100.0, 5.0, 1.7).with_events(0, &spikes(1.5));
    let model = lif::leaky_fire_alpha();
    exact(&Library::new("LIF_alpha"), &model, &stimulus, &[("I", 1, 1.0), ("V", 2, 1.0)], 3);
    let model = lif::moving_threshold();
    let states = [("I", 0, 1.0), ("V", 1, 1.0)];
    exact(&Library::new("LIF_adaptive_threshold"), &model, &stimulus, &states, 3);
    let model = lif::cuba();
    let stimulus = Stimulus { duration: 100.0, ..Stimulus::default() }
        .with_events(0, &excitation(4.0))
        .with_events(1, &[(40.0, -9.0)]);
    exact(&Library::new("LIF_current"), &model, &stimulus, &named(&model, ["g_exc", "g_inh", "V"]), 2);
    let model = lif::srm();
    let stimulus = Stimulus::step(150.0, 5.0, 1.8).with_events(0, &spikes(1.5));
    exact(&Library::new("SRM0"), &model, &stimulus, &named(&model, ["I", "h", "eta"]), 3);
    let model = lif::mat();
    let stimulus = Stimulus::step(200.0, 5.0, 0.6).with_events(0, &spikes(0.3));
    exact(&Library::new("MAT2"), &model, &stimulus, &[("I", 0, 1.0), ("V", 1, 1.0), ("Th_1", 2, 1.0)], 3);
    let model = lif::resonator();
    let stimulus =
        Stimulus::step(150.0, 60.0, 0.4).with_events(0, &[(2.0, 0.8), (12.0, 0.8), (40.0, 0.8), (45.0, 0.8)]);
    exact(&Library::new("ResonateAndFire"), &model, &stimulus, &named(&model, ["x", "y"]), 2);
}

/// Two events a period apart fire, half a period apart they do not.
#[test]
fn a_resonator_prefers_its_frequency() {
    let count = |gap: f64| {
        let stimulus =
            Stimulus { duration: 60.0, ..Stimulus::default() }.with_events(0, &[(2.0, 0.85), (2.0 + gap, 0.85)]);
        Library::new("ResonateAndFire").run(&stimulus, 0.25, &[], 1.0).spikes.len()
    };
    assert_eq!([count(5.0), count(10.0), count(15.0)], [0, 1, 0]);
}

#[test]
fn glif_of_every_level() {
    let stimulus = Stimulus::step(100.0, 5.0, 0.35).with_events(0, &spikes(0.1));
    for (name, rules, currents, follows) in [
        ("GLIF1", false, false, false),
        ("GLIF2", true, false, false),
        ("GLIF3", false, true, false),
        ("GLIF4", true, true, false),
        ("GLIF5", true, true, true),
    ] {
        let model = lif::glif(Glif { rules, currents, follows });
        let mut states = vec![("I", 0, 1e-3), ("V", 1, 1.0)];
        states.extend(rules.then_some(("Th_s", 2, 1.0)));
        states.extend(currents.then_some(("I1", 3, 1e-3)));
        states.extend(currents.then_some(("I2", 4, 1e-3)));
        states.extend(follows.then_some(("Th_v", 5, 1.0)));
        exact(&Library::new(name), &model, &stimulus, &states, 3);
        converges(&Library::new(name), &model, &stimulus, (0.002, 0.002), (3, 0.02), TIMES_ALONE);
    }
}

/// Rows of the table of firing patterns, with spike times from steps of 0.001 ms.
#[test]
fn mihalas_niebur_fires_as_published() {
    let tonic: &[f64] = &[21.908, 43.867, 65.831, 87.798, 109.767, 131.737, 153.708, 175.680, 197.652];
    let adapting: &[f64] = &[14.653, 30.167, 46.5, 63.634, 81.545, 100.203, 119.573, 139.615, 160.286, 181.542];
    let phasic: &[f64] = &[25.122, 54.097, 87.714, 127.403, 176.802];
    let bursts: &[f64] = &[25.122, 27.803, 30.787, 34.153, 38.023, 42.63, 48.791];
    for (a, a_1, a_2, drive, duration, expected) in [
        (0.0, 0.0, 0.0, 1.5, 200.0, tonic),
        (5.0, 0.0, 0.0, 2.0, 200.0, adapting),
        (5.0, 0.0, 0.0, 1.5, 500.0, phasic),
        (5.0, 10.0, -0.6, 1.5, 500.0, bursts),
    ] {
        let neuron = Library {
            name: "MihalasNiebur",
            parameters: vec![("a", 1e-3 * a), ("A1", a_1), ("A2", a_2)],
            starts: Vec::new(),
        };
        let stimulus = Stimulus::step(duration, 0.0, drive);
        let model = lif::mihalas_niebur(a, a_1, a_2);
        let mut states = vec![("V", 0, 1.0), ("I1", 2, 1.0), ("I2", 3, 1.0)];
        states.extend((a != 0.0).then_some(("Th", 1, 1.0)));
        exact(&neuron, &model, &stimulus, &states, 5);
        let run = neuron.run(&stimulus, 0.01, &[], 1.0);
        assert_eq!(run.spikes.len(), expected.len(), "{:?}", run.spikes);
        for (t, expected) in run.spikes.iter().zip(expected) {
            assert!((t - expected).abs() < 0.2, "{t}, expected {expected}");
        }
    }
}

/// With exponential Euler the potential sees the current before it decays: first order.
#[test]
fn discrete_neurons_approach_their_equations() {
    let stimulus = Stimulus::step(80.0, 5.0, 2.2).with_events(0, &spikes(1.5));
    let steps = (0.01, 0.005);
    converges(&Library::new("LIF"), &lif::leaky_fire(), &stimulus, steps, (2, 0.02), TIMES_ALONE);
    converges(&Library::new("ALIF"), &lif::lsnn(), &stimulus, steps, (2, 0.02), TIMES_ALONE);
    converges(&Library::new("LIF_refractory"), &lif::leaky_refractory(), &stimulus, steps, (2, 0.02), TIMES_ALONE);
    let stimulus = Stimulus::step(80.0, 5.0, 0.11).with_events(0, &excitation(0.004)).with_events(1, &[(40.0, 0.01)]);
    converges(&Library::new("LIF_conductance"), &lif::coba(), &stimulus, steps, (2, 0.02), TIMES_ALONE);
    let stimulus = Stimulus::step(80.0, 5.0, 0.27).with_events(0, &excitation(0.01)).with_events(1, &[(40.0, 0.02)]);
    let states: &[(&str, usize, f64)] = &[("g_exc", 0, 1e-3), ("g_inh", 2, 1e-3)];
    let neuron = Library::new("LIF_conductance_alpha");
    converges(&neuron, &lif::conductance_alpha(), &stimulus, steps, (8, 0.07), (states, 1e-9));
    let stimulus = Stimulus { duration: 80.0, ..Stimulus::default() }.with_events(0, &spikes(0.8));
    let neuron = Library { name: "GIF", parameters: vec![("tau_I2", 500.0), ("A1", 0.4)], starts: Vec::new() };
    converges(&neuron, &lif::working_memory(500.0, 0.4, -0.6), &stimulus, steps, (2, 0.02), TIMES_ALONE);
}

/// Equation 3 of Fang et al. with X held over a step, written as a recursion: to the last digits.
#[test]
fn parametric_leaky_neuron_step_for_step() {
    for tau in [2.0, 5.0] {
        let neuron = Library { name: "PLIF", parameters: vec![("tau", tau)], starts: Vec::new() };
        let events = spikes(1.0).into_iter().map(|(t, w): (f64, f64)| (t.round(), w)).collect::<Vec<_>>();
        let stimulus = Stimulus::step(60.0, 0.0, 0.7).with_events(0, &events);
        let run = neuron.run(&stimulus, 1.0, &["V"], 1.0);
        let (mut v, mut fired) = (0.0, Vec::new());
        for k in 0..60 {
            let t = f64::from(k);
            let x = 0.7 + stimulus.events_at(t, 0.5).map(|e| e.1).sum::<f64>();
            v += (x - v) / tau;
            if v >= 1.0 {
                v = 0.0;
                fired.push(t + 1.0);
            }
            assert!((run.traces[0][k as usize] - v).abs() < 1e-13);
        }
        assert!(fired.len() >= 2, "{fired:?}");
        assert_eq!(run.spikes, fired);
    }
}

#[test]
fn quadratic_neuron() {
    let model = nonlinear::quadratic();
    let stimulus = Stimulus::step(100.0, 5.0, 1.5).with_events(0, &spikes(1.0));
    converges(&Library::new("QIF"), &model, &stimulus, (0.005, 0.001), (3, 0.05), TIMES_ALONE);
    // Closed form of the interval under constant current.
    let (a, tau, middle) = (0.07, 10.0, -57.5);
    let k = f64::sqrt(10.0 * 1.5 / a - 7.5 * 7.5);
    let phase = |v: f64| tau / (a * k) * libm::atan((v - middle) / k);
    let interval = phase(30.0) - phase(-70.0);
    let run = Library::new("QIF").run(&Stimulus::step(150.0, 0.0, 1.5), 0.002, &[], 1.0);
    assert!(run.spikes.len() >= 4);
    for pair in run.spikes.windows(2) {
        assert!((pair[1] - pair[0] - interval).abs() < 0.006, "{} {interval}", pair[1] - pair[0]);
    }
}

#[test]
fn theta_neuron() {
    let model = nonlinear::theta();
    let stimulus = Stimulus::step(400.0, 0.0, 0.1).with_events(0, &spikes(0.2));
    converges(&Library::new("ThetaNeuron"), &model, &stimulus, (0.025, 0.0125), (3, 0.03), TIMES_ALONE);
    let run = Library::new("ThetaNeuron").run(&Stimulus::step(500.0, 0.0, 0.1), 0.02, &[], 1.0);
    let period = std::f64::consts::PI * 10.0 / f64::sqrt(0.1);
    for pair in run.spikes.windows(2) {
        assert!((pair[1] - pair[0] - period).abs() < 0.021, "{} {period}", pair[1] - pair[0]);
    }
}

#[test]
fn exponential_neuron() {
    let stimulus = Stimulus::step(100.0, 5.0, 0.12).with_events(0, &spikes(0.05));
    converges(&Library::new("EIF"), &nonlinear::exponential(), &stimulus, (0.002, 0.001), (3, 0.03), TIMES_ALONE);
}

#[test]
fn adaptive_exponential_neuron() {
    let stimulus = Stimulus::step(150.0, 5.0, 1.2).with_events(0, &spikes(0.3));
    let model = nonlinear::adaptive_exponential(BRETTE_GERSTNER);
    converges(&Library::new("AdEx"), &model, &stimulus, (0.002, 0.001), (8, 0.035), TIMES_ALONE);
}

/// Four rows of table 1 of Naud et al. 2008: the number of spikes in 600 ms and the first times.
#[test]
fn adaptive_exponential_fires_as_published() {
    type Row = (&'static str, [f64; 10], usize, &'static [f64]);
    let rows: [Row; 4] = [
        ("tonic", [200.0, 10.0, -70.0, -50.0, 2.0, 2.0, 30.0, 0.0, -58.0, 500.0], 62, &[14.22, 23.16, 32.26]),
        (
            "adaptation",
            [200.0, 12.0, -70.0, -50.0, 2.0, 2.0, 300.0, 60.0, -58.0, 500.0],
            12,
            &[14.91, 26.18, 40.56, 60.18, 89.6, 137.35],
        ),
        (
            "initial burst",
            [130.0, 18.0, -58.0, -50.0, 2.0, 4.0, 150.0, 120.0, -50.0, 400.0],
            12,
            &[5.46, 8.89, 16.21, 70.97],
        ),
        (
            "regular bursting",
            [200.0, 10.0, -58.0, -50.0, 2.0, 2.0, 120.0, 100.0, -46.0, 210.0],
            11,
            &[16.16, 19.08, 24.21, 155.97],
        ),
    ];
    for (pattern, [c, g, e, v_t, delta, a, tau_w, b, v_r, current], count, first) in rows {
        let model = nonlinear::adaptive_exponential(AdaptiveExponential { c, g, e, v_t, delta, a, tau_w, b, v_r });
        let stimulus = Stimulus::step(600.0, 0.0, 1e-3 * current);
        let reference = solve(&model, &stimulus, Detection::Anywhere, 0.005, 1.0);
        let neuron = Library {
            name: "AdEx",
            parameters: vec![
                ("C", 1e-3 * c),
                ("g_L", 1e-3 * g),
                ("E_L", e),
                ("V_T", v_t),
                ("Delta_T", delta),
                ("a", 1e-3 * a),
                ("tau_w", tau_w),
                ("b", 1e-3 * b),
                ("V_reset", v_r),
            ],
            starts: Vec::new(),
        };
        let run = neuron.run(&stimulus, 0.005, &[], 1.0);
        println!("AdEx, {pattern}: {:?}, reference {:?}", &run.spikes[..4], &reference.spikes[..4]);
        assert_eq!((run.spikes.len(), reference.spikes.len()), (count, count), "{pattern}");
        for ((found, exact), published) in run.spikes.iter().zip(&reference.spikes).zip(first) {
            assert!((exact - published).abs() < 0.05, "{pattern}: {exact}, published {published}");
            assert!((found - published).abs() < 0.05, "{pattern}: {found}, published {published}");
        }
    }
}

#[test]
fn izhikevich_neuron() {
    let stimulus = Stimulus::step(150.0, 5.0, 10.0).with_events(0, &spikes(1.0));
    let model = nonlinear::izhikevich(-65.0, 8.0);
    converges(&Library::new("Izhikevich"), &model, &stimulus, (0.002, 0.001), (3, 0.006), TIMES_ALONE);
    // Known times, of another simulation in steps: d = 6, I = 14 from 10 ms, v = -70 at the start.
    let stimulus = Stimulus::step(90.0, 10.0, 14.0);
    let neuron = Library { name: "Izhikevich", parameters: vec![("d", 6.0)], starts: vec![("v", -70.0), ("u", -14.0)] };
    let run = neuron.run(&stimulus, 0.002, &[], 1.0);
    let reference = solve(&nonlinear::izhikevich(-70.0, 6.0), &stimulus, Detection::Anywhere, 0.002, 1.0);
    let known = [12.52, 16.03, 28.88, 55.9, 82.67];
    assert_eq!((run.spikes.len(), reference.spikes.len()), (5, 5), "{:?}", run.spikes);
    for ((found, exact), known) in run.spikes.iter().zip(&reference.spikes).zip(known) {
        assert!((exact - known).abs() < 0.12, "{exact}, known {known}");
        assert!((found - exact).abs() < 0.01, "{found}, reference {exact}");
    }
}

/// Second order: at half the step at most 0.35 of the error is left of the states. The time of a spike is the end of its step,
/// so it has an error of a step.
fn second_order<const N: usize>(
    library: &Library<'_>,
    model: &Model<N>,
    stimulus: &Stimulus,
    dt: f64,
    at_least: usize,
    (states, trace): (&[(&str, usize, f64)], f64),
) {
    let every = 0.5;
    let reference = solve(model, stimulus, Detection::Anywhere, 0.0025, every);
    let (name, count) = (library.name, reference.spikes.len());
    assert!(count >= at_least, "{name}: {:?}", reference.spikes);
    let errors = [1.0, 0.5].map(|part| library.error(stimulus, &reference, part * dt, states, every));
    println!("{name} (dt {dt} and half): {count} spikes, {errors:?}");
    assert!(errors[0].trace <= trace && errors[1].trace <= 0.35 * trace, "{name}: {errors:?}");
    assert!(errors[0].time <= 1.5 * dt && errors[1].time <= 0.75 * dt, "{name}: {errors:?}");
}

#[test]
fn fitzhugh_nagumo() {
    let model = nonlinear::fitzhugh_nagumo();
    let stimulus = Stimulus::step(200.0, 5.0, 0.5).with_events(0, &spikes(0.1));
    let states = named(&model, ["v", "w"]);
    second_order(&Library::new("FitzHughNagumo"), &model, &stimulus, 0.0025, 4, (&states, 5e-3));
}

#[test]
fn hindmarsh_rose() {
    let model = nonlinear::hindmarsh_rose();
    let stimulus = Stimulus::step(200.0, 5.0, 2.0).with_events(0, &spikes(0.1));
    let states = named(&model, ["x", "y", "z"]);
    second_order(&Library::new("HindmarshRose"), &model, &stimulus, 0.0025, 4, (&states, 5e-3));
}

#[test]
fn morris_lecar() {
    let model = channels::morris_lecar();
    let stimulus = Stimulus::step(300.0, 5.0, 10.0).with_events(0, &spikes(0.5));
    let states = [("V", 1, 1.0), ("w", 2, 1.0)];
    second_order(&Library::new("MorrisLecar"), &model, &stimulus, 0.0025, 3, (&states, 5e-3));
}

#[test]
fn hodgkin_huxley() {
    let model = channels::hodgkin_huxley();
    let stimulus = Stimulus::step(100.0, 5.0, 0.08).with_events(0, &spikes(0.004));
    let states = [("I", 0, 1e-3), ("V", 1, 1.0), ("m", 2, 1.0), ("h", 3, 1.0), ("n", 4, 1.0)];
    second_order(&Library::new("HodgkinHuxley"), &model, &stimulus, 0.0025, 4, (&states, 5e-3));
    // The first example of NeuroML 2: 80 pA from 50 to 100 ms.
    let stimulus = Stimulus { duration: 115.0, drives: vec![vec![(50.0, 0.08), (100.0, 0.0)]], events: Vec::new() };
    let run = Library::new("HodgkinHuxley").run(&stimulus, 0.01, &[], 1.0);
    let reference = solve(&model, &stimulus, Detection::Anywhere, 0.01, 1.0);
    let published = [52.18, 68.38, 84.37, 100.38];
    assert_eq!((run.spikes.len(), reference.spikes.len()), (4, 4), "{:?}", run.spikes);
    for ((found, exact), published) in run.spikes.iter().zip(&reference.spikes).zip(published) {
        assert!((exact - published).abs() < 0.01, "{exact}, published {published}");
        assert!((found - published).abs() < 0.02, "{found}, published {published}");
    }
}

/// A rate constant with a removable singularity, exactly there.
#[test]
fn potentials_where_rates_are_zero_by_zero() {
    for (name, potential, places) in [
        ("HodgkinHuxley", "V", &[-40.0, -55.0][..]),
        ("TraubMiles", "V", &[-50.0, -48.0, -23.0]),
        ("WangBuzsaki", "V", &[-35.0, -34.0]),
        ("ConnorStevens", "V", &[-29.7, -45.7]),
        ("PinskyRinzel", "V", &[13.1, 40.1, 35.1]),
        ("PinskyRinzel", "V_d", &[51.1]),
    ] {
        for &place in places {
            let mut cells = Library { name, parameters: Vec::new(), starts: vec![(potential, place)] }.cells(1, 0.01);
            let neuron = snn_tests::library_neuron(name);
            for _ in 0..20 {
                cells.step(&vec![0.0; neuron.events.len()], &vec![0.0; neuron.drives.len()]).unwrap();
                for state in &neuron.states {
                    let value = cells.state(&state.quantity.name).unwrap()[0];
                    assert!(value.is_finite(), "{name} from {potential} = {place}: {} is {value}", state.quantity.name);
                }
            }
        }
    }
}

#[test]
fn traub_miles() {
    let model = channels::traub_miles();
    let stimulus = Stimulus::step(100.0, 5.0, 0.4).with_events(0, &excitation(0.006)).with_events(1, &[(40.0, 0.067)]);
    let states = [("g_exc", 0, 1e-3), ("g_inh", 1, 1e-3), ("V", 2, 1.0), ("m", 3, 1.0), ("h", 4, 1.0), ("n", 5, 1.0)];
    second_order(&Library::new("TraubMiles"), &model, &stimulus, 0.0025, 3, (&states, 5e-3));
}

#[test]
fn wang_buzsaki() {
    let model = channels::wang_buzsaki();
    let stimulus = Stimulus::step(100.0, 5.0, 0.1).with_events(0, &spikes(0.02));
    let states = [("I", 0, 0.1), ("V", 1, 1.0), ("h", 2, 1.0), ("n", 3, 1.0)];
    second_order(&Library::new("WangBuzsaki"), &model, &stimulus, 0.0025, 4, (&states, 5e-3));
}

#[test]
fn connor_stevens() {
    let model = channels::connor_stevens();
    let stimulus = Stimulus::step(100.0, 5.0, 1.5).with_events(0, &spikes(0.1));
    let states = [("V", 1, 1.0), ("m", 2, 1.0), ("h", 3, 1.0), ("n", 4, 1.0), ("a", 5, 1.0), ("b", 6, 1.0)];
    second_order(&Library::new("ConnorStevens"), &model, &stimulus, 0.0025, 4, (&states, 5e-3));
}

#[test]
fn pinsky_rinzel() {
    let model = channels::pinsky_rinzel();
    let stimulus = Stimulus::step(120.0, 5.0, 0.2).with_events(0, &spikes(0.02));
    let states = [
        ("V", 1, 1.0),
        ("V_d", 2, 1.0),
        ("h", 3, 1.0),
        ("n", 4, 1.0),
        ("s", 5, 1.0),
        ("c", 6, 1.0),
        ("q", 7, 1.0),
        ("Ca", 8, 1.0),
    ];
    second_order(&Library::new("PinskyRinzel"), &model, &stimulus, 0.0025, 3, (&states, 5e-3));
}

/// Rates, intervals and counts of a Poisson process, within four standard errors.
#[test]
fn poisson_source() {
    for (rate, extra, dt, steps) in [(20.0_f64, 0.0, 1.0, 2000), (20.0, 80.0, 0.5, 2000), (400.0, -400.0, 1.0, 100)] {
        let n = 500;
        let neuron = Library { name: "PoissonSource", parameters: vec![("rate", 1e-3 * rate)], starts: Vec::new() };
        let mut cells = neuron.cells(n, dt);
        cells.set_noise_seed(7);
        let (mut counts, mut pairs, mut before) = (vec![0.0; n], 0.0, vec![0.0; n]);
        for _ in 0..steps {
            let fired = cells.step(&[], &vec![1e-3 * extra; n]).unwrap();
            counts.iter_mut().zip(fired).for_each(|(c, z)| *c += z);
            pairs += before.iter().zip(fired).map(|(a, b)| a * b).sum::<f64>();
            before.copy_from_slice(fired);
        }
        let p = -libm::expm1(-1e-3 * (rate + extra) * dt);
        let trials = (n * steps) as f64;
        let total: f64 = counts.iter().sum();
        if p == 0.0 {
            assert_eq!(total, 0.0);
            continue;
        }
        let score = (total - trials * p) / f64::sqrt(trials * p * (1.0 - p));
        let variance = counts.iter().map(|c| (c - steps as f64 * p) * (c - steps as f64 * p)).sum::<f64>() / n as f64;
        let fano = variance / (steps as f64 * p * (1.0 - p));
        let succession = (pairs - trials * p * p) / f64::sqrt(trials * p * p);
        println!("PoissonSource, p {p}: score {score:.2}, variance ratio {fano:.3}, pairs {succession:.2}");
        assert!(score.abs() < 4.0 && succession.abs() < 4.0, "{score} {succession}");
        assert!((fano - 1.0).abs() < 4.0 * f64::sqrt(2.0 / n as f64), "{fano}");
    }
}

/// Counters have 16 bits: more steps are an error that says so, and no other period.
#[test]
fn a_refractory_period_of_too_many_steps_is_refused() {
    let model =
        snn_tests::model("network N { simulate dt = 1 ms, for 10 ms\n layer a[3] = LIF_refractory(t_ref = 5 ms) }");
    let network = |dt: f64| {
        let graph = snn_dsl::interpret::graph::<f32>(&model, &model.networks[0]);
        snn_runtime::Network::with_simulation(graph, snn_runtime::Simulation { dt, steps: 10 })
    };
    assert!(network(5.0 / 65535.0).is_ok());
    let error = network(5.0 / 65536.0).err().unwrap().to_string();
    assert!(error.contains("`LIF_refractory` is refractory for 65536 steps") && error.contains("larger dt"), "{error}");
}
