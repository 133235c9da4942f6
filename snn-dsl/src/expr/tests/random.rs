//! Expressions built at random have the values that the same operations have without the arena, bit for bit (but for the
//! sign of 0). Powers become products and roots, which round differently: they stand in `rules`.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// An expression that was built, and the value that the operations had without the arena; yes is 1, no is 0.
#[derive(Clone, Copy)]
struct Built {
    id: ExprId,
    value: f64,
    /// All values below it are finite; only then do the rules of the real numbers hold.
    finite: bool,
}

/// Numbers that decide; behind the last one everything is 0, so that a failing case shrinks.
struct Choices(std::vec::IntoIter<u32>);

impl Choices {
    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.0.next().unwrap_or(0) as usize % list.len()]
    }

    fn below(&mut self, n: u32) -> u32 {
        self.0.next().unwrap_or(0) % n
    }
}

/// Builds some dozens of numbers and conditions out of each other.
fn build(choices: &mut Choices, arena: &mut Arena, leaves: &[f64]) -> Vec<Built> {
    let exact = |id, value: f64| Built { id, value, finite: true };
    let mut numbers: Vec<Built> =
        leaves.iter().enumerate().map(|(i, &x)| exact(arena.leaf(Leaf::Parameter(i as u16)), x)).collect();
    numbers.extend([0.0, 1.0, -1.0, 2.0, 0.5, 3.0, -2.0].map(|x| exact(arena.constant(x), x)));
    let mut conditions = [true, false].map(|yes| exact(arena.truth(yes), f64::from(u8::from(yes)))).to_vec();
    let exact_operations = [Operation::Add, Operation::Subtract, Operation::Multiply, Operation::Divide];
    for _ in 0..40 {
        let [a, b] = [(); 2].map(|()| choices.pick(&numbers));
        let [p, q] = [(); 2].map(|()| choices.pick(&conditions));
        let of = |id, value: f64, parts: &[Built]| {
            let finite = value.is_finite() && parts.iter().all(|part| part.finite);
            Built { id, value, finite }
        };
        let yes = |yes: bool| f64::from(u8::from(yes));
        match choices.below(14) {
            0 => numbers.push(of(arena.negate(a.id), -a.value, &[a])),
            1..=3 => {
                let o = choices.pick(&exact_operations);
                numbers.push(of(arena.binary(o, a.id, b.id), o.value(a.value, b.value), &[a, b]));
            }
            4 => {
                let f = choices.pick(&Function::ALL);
                numbers.push(of(arena.apply(f, a.id), f.value(a.value), &[a]));
            }
            5 => numbers.push(of(arena.detach(a.id), a.value, &[a])),
            6 => numbers.push(of(arena.max(a.id, b.id), if a.value > b.value { a.value } else { b.value }, &[a, b])),
            7 => numbers.push(of(arena.min(a.id, b.id), if a.value < b.value { a.value } else { b.value }, &[a, b])),
            8 => numbers.push(of(arena.relu(a.id), if a.value > 0.0 { a.value } else { 0.0 }, &[a])),
            9 => numbers.push(of(arena.heaviside(a.id), yes(a.value >= 0.0), &[a])),
            10 => {
                let value = if p.value == 1.0 { a.value } else { b.value };
                numbers.push(of(arena.select(p.id, a.id, b.id), value, &[a, b, p]));
            }
            11 => {
                let c = choices.pick(&Comparison::ALL);
                conditions.push(of(arena.compare(c, a.id, b.id), yes(c.holds(a.value, b.value)), &[a, b]));
            }
            12 => {
                let (id, value) = match choices.below(2) {
                    0 => (arena.and(p.id, q.id), p.value * q.value),
                    _ => (arena.or(p.id, q.id), p.value.max(q.value)),
                };
                conditions.push(of(id, value, &[p, q]));
            }
            _ => conditions.push(of(arena.not(p.id), 1.0 - p.value, &[p])),
        }
    }
    numbers.extend(conditions);
    numbers
}

proptest! {
    // The same expressions in every run.
    #![proptest_config(ProptestConfig {
        cases: 2000, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn simplification_preserves_values(
        choices in proptest::collection::vec(any::<u32>(), 0..250),
        leaves in [-3.0f64..3.0, -1.0f64..1.0, 0.0f64..20.0],
    ) {
        let mut arena = Arena::default();
        let built = build(&mut Choices(choices.into_iter()), &mut arena, &leaves);
        for b in built.into_iter().filter(|b| b.finite) {
            let found = value(&arena, b.id, &leaves);
            prop_assert!(found == b.value, "{:?}: {} for {}", arena.node(b.id), found, b.value);
        }
    }
}
