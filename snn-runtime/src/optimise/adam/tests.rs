use super::super::testing::{frozen_middle, grouped, set};
use super::*;
use crate::simd::tests::at_each_level;

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-14 * (1.0 + b.abs()), "{found:?} {expected:?}");
    }
}

/// The formulas of the paper with explicit corrected moments, number by number.
fn reference(x: f64, gradients: &[f64], rate: f64, decay: f64, decoupled: bool) -> f64 {
    let (mut x, mut m, mut v) = (x, 0.0, 0.0);
    let (mut beta1, mut beta2) = (1.0, 1.0);
    for &g in gradients {
        let g = if decoupled { g } else { g + decay * x };
        x -= if decoupled { rate * decay * x } else { 0.0 };
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        (beta1, beta2) = (beta1 * 0.9, beta2 * 0.999);
        x -= rate * (m / (1.0 - beta1)) / ((v / (1.0 - beta2)).sqrt() + 1e-8);
    }
    x
}

#[test]
fn the_first_steps_are_those_computed_by_hand() {
    let mut x = set(&[1.0, -1.0]);
    let mut adam = Adam::new().betas(0.5, 0.75).unwrap().epsilon(1.0).unwrap();
    adam.step(&mut x, &[2.0, -4.0], 0.3).unwrap();
    // The corrected moments of the first step are g and g²: the step is 0.3 g / (|g| + 1).
    close(x.values(), &[1.0 - 0.3 * 2.0 / 3.0, -1.0 + 0.3 * 4.0 / 5.0]);
    close(&adam.state().mean, &[1.0, -2.0]);
    close(&adam.state().square, &[1.0, 4.0]);
    adam.step(&mut x, &[-1.0, 0.0], 0.3).unwrap();
    // m = 0.5 - 0.5 = 0 and -1, corrected by 3/4; v = 0.75 + 0.25 = 1 and 3, corrected by 7/16.
    let second = 0.3 * (1.0 / 0.75) / ((3.0_f64 * 16.0 / 7.0).sqrt() + 1.0);
    close(x.values(), &[0.8, -0.76 + second]);
    assert_eq!(adam.state().steps, 2);
}

#[test]
fn many_steps_follow_the_paper() {
    let gradients: Vec<f64> = (0..50).map(|i| f64::from(i * 7 % 11) - 4.5).collect();
    for decay in [0.0, 0.1] {
        let (mut a, mut w) = (set(&[0.7]), set(&[0.7]));
        let mut adam = Adam::new().weight_decay(decay).unwrap();
        let mut adamw = AdamW::new().weight_decay(decay).unwrap();
        for &g in &gradients {
            adam.step(&mut a, &[g], 0.01).unwrap();
            adamw.step(&mut w, &[g], 0.01).unwrap();
        }
        close(a.values(), &[reference(0.7, &gradients, 0.01, decay, false)]);
        close(w.values(), &[reference(0.7, &gradients, 0.01, decay, true)]);
        assert_eq!(a == w, decay == 0.0, "the decays differ");
    }
}

#[test]
fn decoupled_decay_shrinks_without_a_gradient() {
    let mut x = set(&[2.0, 0.0]);
    let mut adamw = AdamW::new();
    adamw.step(&mut x, &[0.0, 0.0], 0.5).unwrap();
    assert_eq!(x.values(), [2.0 * (1.0 - 0.5 * 0.01), 0.0]);
    assert_eq!(adamw.state().mean, [0.0, 0.0]);
}

#[test]
fn a_saved_state_goes_on_bit_for_bit() {
    let gradient = |i: u32| [(i as f32 * 0.37).fract() - 0.4, 1e-3 * i as f32];
    let run = |x: &mut crate::ParameterSet<f32>, adam: &mut AdamW<f32>, range: std::ops::Range<u32>| {
        range.for_each(|i| adam.step(x, &gradient(i), 0.01).unwrap());
    };
    let (mut whole, mut adam) = (set(&[0.5f32, -0.5]), AdamW::new());
    run(&mut whole, &mut adam, 0..20);
    let (mut parts, mut first) = (set(&[0.5f32, -0.5]), AdamW::new());
    run(&mut parts, &mut first, 0..9);
    let mut second = AdamW::new();
    second.set_state(first.state().clone());
    run(&mut parts, &mut second, 9..20);
    assert_eq!((whole, adam), (parts, second));
}

#[test]
fn moments_of_silent_parameters_become_zero() {
    let (mut x, mut adam) = (set(&[1.0f32]), Adam::new());
    adam.set_state(AdamState { steps: 5, mean: vec![1e-30], square: vec![1e-36] });
    adam.step(&mut x, &[0.0], 0.1).unwrap();
    assert_eq!((adam.state().mean[0], adam.state().square[0]), (0.0, 0.0));
    assert_eq!(x.values(), [1.0]);
}

#[test]
fn frozen_tensors_stay() {
    let mut x = frozen_middle(&[1.0, 2.0, 3.0, 4.0]);
    let mut adamw = AdamW::new();
    adamw.step(&mut x, &[1.0, f64::NAN, 1.0, 1.0], 0.5).unwrap();
    assert_eq!(x.values()[1..3], [2.0, 3.0]);
    assert!(x.values()[0] < 1.0 && x.values()[3] < 4.0);
    assert_eq!((&adamw.state().mean[1..3], &adamw.state().square[1..3]), (&[0.0; 2][..], &[0.0; 2][..]));
}

#[test]
fn errors_name_the_cause_and_change_nothing() {
    let mut x = frozen_middle(&[1.0, 2.0, 3.0, 4.0]);
    let mut adam = Adam::new();
    let good = [1.0; 4];
    adam.step(&mut x, &good, 0.1).unwrap();
    let before = (x.clone(), adam.clone());
    let length = adam.step(&mut x, &good[..3], 0.1).unwrap_err();
    assert_eq!(length, OptimiseError::GradientLength { expected: 4, found: 3 });
    for rate in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(adam.step(&mut x, &good, rate), Err(OptimiseError::LearningRate { .. })));
    }
    let infinite = adam.step(&mut x, &[1.0, 1.0, 1.0, f64::INFINITY], 0.1).unwrap_err();
    assert_eq!(infinite, OptimiseError::Gradient { tensor: "last".into(), place: 0, found: f64::INFINITY });
    assert!(infinite.to_string().contains("found inf at place 0 of tensor `last`"), "{infinite}");
    assert_eq!((&x, &adam), (&before.0, &before.1));

    adam.set_state(AdamState { steps: 1, mean: vec![0.0; 4], square: vec![0.0; 5] });
    let state = adam.step(&mut x, &good, 0.1).unwrap_err();
    assert_eq!(state, OptimiseError::StateLength { what: "squares", expected: 4, found: 5 });
    assert_eq!((&x, adam.state().steps), (&before.0, 1));
}

#[test]
fn settings_have_ranges() {
    assert!(Adam::<f32>::new().betas(1.0, 0.9).is_err());
    assert!(Adam::<f32>::new().betas(0.9, -0.1).is_err());
    assert!(Adam::<f32>::new().epsilon(0.0).is_err());
    assert!(AdamW::<f32>::new().epsilon(f64::NAN).is_err());
    let error = AdamW::<f32>::new().weight_decay(-1.0).unwrap_err();
    assert!(
        error.to_string().starts_with("expected a finite number of at least 0 as weight decay, found -1"),
        "{error}"
    );
}

/// A factor of the learning rate is another learning rate for that tensor alone, decay included.
#[test]
fn tensors_have_their_own_rates_and_limits() {
    let gradient = [1.0, 1.0, -3.0, 2.0];
    let run = |rate: f64, values: &[f64]| {
        let (mut x, mut adam) = (set::<f64>(values), AdamW::new());
        adam.step(&mut x, &gradient, rate).unwrap();
        x.values().to_vec()
    };
    let start = [1.0, 1.0, 1.0, 1.0];
    let (mut x, mut adam) = (grouped::<f64>(&start), AdamW::new());
    adam.step(&mut x, &gradient, 0.5).unwrap();
    assert_eq!(x.values()[0], run(0.5, &start)[0]);
    assert_eq!(x.values()[1..], run(0.5 * 0.1, &start)[1..]);
    for _ in 0..10 {
        adam.step(&mut x, &gradient, 0.5).unwrap();
    }
    assert_eq!(x.values()[1..], [0.8, 1.1, 0.8]);
}

#[test]
fn pieces_threads_and_instruction_sets_give_the_same_bits() {
    let n = 2 * PIECE + 77;
    let numbers = |k: usize| (0..n).map(|i| (i * k % 1009) as f64 / 300.0 - 1.7).collect::<Vec<_>>();
    let (start, gradients) = (numbers(7), [numbers(11), numbers(13)]);
    // Number by number: the tensor of one number is one piece.
    let mut alone = Vec::with_capacity(n);
    for i in 0..n {
        let (mut x, mut adam) = (set(&start[i..=i]), Adam::new().weight_decay(0.1).unwrap());
        gradients.iter().for_each(|g| adam.step(&mut x, &g[i..=i], 0.01).unwrap());
        alone.push(x.values()[0]);
    }
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        at_each_level(|level| {
            let (mut x, mut adam) = (set(&start), Adam::new().weight_decay(0.1).unwrap());
            pool.install(|| gradients.iter().for_each(|g| adam.step(&mut x, g, 0.01).unwrap()));
            assert!(x.values() == alone, "{threads} threads, {level:?}");
        });
    }
}
