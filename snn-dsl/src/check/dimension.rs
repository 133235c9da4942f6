//! What a quantity measures: a product of rational powers of six base quantities.
//!
//! The coherent base is that of cell physiology: ms, mV, nA, um, amol, K. In it the derived units are MOhm = mV/nA,
//! uS = nA/mV, nF = nA*ms/mV, pC = nA*ms, and mM = amol/um^3, so that f32 behaves.

use std::fmt;

/// A rational exponent in lowest terms, its denominator positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exponent {
    numerator: i32,
    denominator: i32,
}

/// Larger numerators and denominators are cut off: they can only come from nonsense, and must not overflow.
const LIMIT: i64 = 1_000_000;

impl Exponent {
    /// numerator / denominator; a denominator of 0 counts as 1.
    pub fn new(numerator: i64, denominator: i64) -> Self {
        let denominator = if denominator == 0 { 1 } else { denominator };
        let divisor = gcd(numerator.unsigned_abs(), denominator.unsigned_abs()).max(1) as i64;
        let sign = if denominator < 0 { -1 } else { 1 };
        let cut = |x: i64| x.clamp(-LIMIT, LIMIT) as i32;
        Self { numerator: cut(sign * numerator / divisor), denominator: cut(sign * denominator / divisor) }
    }

    /// A whole number.
    pub fn whole(value: i32) -> Self {
        Self::new(i64::from(value), 1)
    }

    /// The fraction with a denominator of at most 12 that equals `value` but for rounding.
    pub fn from_value(value: f64) -> Option<Self> {
        if !value.is_finite() || value.abs() > 1000.0 {
            return None;
        }
        (1..=12i64).find_map(|denominator| {
            let scaled = value * denominator as f64;
            let near = scaled.round();
            ((scaled - near).abs() < 1e-9).then(|| Self::new(near as i64, denominator))
        })
    }

    /// True for 0.
    pub fn is_zero(self) -> bool {
        self.numerator == 0
    }

    fn is_positive(self) -> bool {
        self.numerator > 0
    }

    fn wide(self) -> (i64, i64) {
        (i64::from(self.numerator), i64::from(self.denominator))
    }

    fn plus(self, other: Self) -> Self {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Self::new(a * d + c * b, b * d)
    }

    fn times(self, other: Self) -> Self {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Self::new(a * c, b * d)
    }

    fn negated(self) -> Self {
        Self { numerator: -self.numerator, denominator: self.denominator }
    }
}

impl fmt::Display for Exponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            1 => write!(f, "{}", self.numerator),
            d => write!(f, "({}/{d})", self.numerator),
        }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What a quantity measures, as the exponents of time, voltage, current, length, amount and temperature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dimension([Exponent; 6]);

impl Default for Dimension {
    fn default() -> Self {
        Self::NONE
    }
}

const fn whole(exponents: [i32; 6]) -> Dimension {
    let mut all = [Exponent { numerator: 0, denominator: 1 }; 6];
    let mut i = 0;
    while i < 6 {
        all[i].numerator = exponents[i];
        i += 1;
    }
    Dimension(all)
}

impl Dimension {
    /// A number without unit.
    pub const NONE: Self = whole([0, 0, 0, 0, 0, 0]);
    /// ms
    pub const TIME: Self = whole([1, 0, 0, 0, 0, 0]);
    /// mV
    pub const VOLTAGE: Self = whole([0, 1, 0, 0, 0, 0]);
    /// nA
    pub const CURRENT: Self = whole([0, 0, 1, 0, 0, 0]);
    /// um
    pub const LENGTH: Self = whole([0, 0, 0, 1, 0, 0]);
    /// amol
    pub const AMOUNT: Self = whole([0, 0, 0, 0, 1, 0]);
    /// K
    pub const TEMPERATURE: Self = whole([0, 0, 0, 0, 0, 1]);
    /// 1/ms
    pub const RATE: Self = whole([-1, 0, 0, 0, 0, 0]);
    /// MOhm
    pub const RESISTANCE: Self = whole([0, 1, -1, 0, 0, 0]);
    /// uS
    pub const CONDUCTANCE: Self = whole([0, -1, 1, 0, 0, 0]);
    /// nF
    pub const CAPACITANCE: Self = whole([1, -1, 1, 0, 0, 0]);
    /// pC
    pub const CHARGE: Self = whole([1, 0, 1, 0, 0, 0]);
    /// pW
    pub const POWER: Self = whole([0, 1, 1, 0, 0, 0]);
    /// fJ
    pub const ENERGY: Self = whole([1, 1, 1, 0, 0, 0]);
    /// mM
    pub const CONCENTRATION: Self = whole([0, 0, 0, -3, 1, 0]);

    /// True for a number without unit.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Of a product.
    pub fn times(self, other: Self) -> Self {
        self.zip(other, Exponent::plus)
    }

    /// Of a quotient.
    pub fn over(self, other: Self) -> Self {
        self.zip(other, |a, b| a.plus(b.negated()))
    }

    /// Of a power.
    pub fn power(self, exponent: Exponent) -> Self {
        Self(self.0.map(|e| e.times(exponent)))
    }

    /// Of a square root.
    pub fn root(self) -> Self {
        self.power(Exponent::new(1, 2))
    }

    /// Of the reciprocal.
    pub fn inverse(self) -> Self {
        Self(self.0.map(Exponent::negated))
    }

    fn zip(self, other: Self, f: impl Fn(Exponent, Exponent) -> Exponent) -> Self {
        let mut all = self.0;
        for (a, b) in all.iter_mut().zip(other.0) {
            *a = f(*a, b);
        }
        Self(all)
    }

    /// The coherent unit in the syntax of the language: `mV`, `1/ms`, `mV/ms`, `uS/um^2`; empty for a number without
    /// unit.
    pub fn base_unit(&self) -> String {
        if self.is_none() {
            return String::new();
        }
        let one = Exponent::whole(1);
        for (name, named) in NAMED {
            if let Some(exponent) = self.as_power_of(named)
                && (exponent == one || exponent.is_positive() && BASE.contains(&name))
            {
                return power_text(name, exponent);
            }
        }
        let bases = || NAMED.into_iter().filter(|(name, _)| BASE.contains(name));
        for (name, named) in bases() {
            if let Some(exponent) = self.inverse().as_power_of(named) {
                return format!("1/{}", power_text(name, exponent));
            }
        }
        let quotient = |upper: &[(&str, Self)]| {
            upper.iter().find_map(|(upper, a)| {
                bases().find_map(|(lower, b)| {
                    let exponent = a.over(*self).as_power_of(b).filter(|e| e.is_positive())?;
                    Some(format!("{upper}/{}", power_text(lower, exponent)))
                })
            })
        };
        let (common, rare) = NAMED.split_at(COMMON);
        if let Some(text) = quotient(common) {
            return text;
        }
        for (i, (first, a)) in common.iter().enumerate() {
            for (second, b) in common.iter().skip(i) {
                if a.times(*b) == *self {
                    return format!("{first}*{second}");
                }
            }
        }
        if let Some(text) = quotient(rare) {
            return text;
        }
        self.product_of_base_units()
    }

    /// The unit for a message: `mV`, or words for a number without unit.
    pub fn describe(&self) -> String {
        if self.is_none() { "a number without unit".into() } else { self.base_unit() }
    }

    /// The exponent e with self = other^e, if there is one.
    fn as_power_of(self, other: Self) -> Option<Exponent> {
        let position = other.0.iter().position(|e| !e.is_zero())?;
        let (own, base) = (self.0.get(position)?, other.0.get(position)?);
        let inverse = Exponent::new(i64::from(base.denominator), i64::from(base.numerator));
        let exponent = own.times(inverse);
        (!exponent.is_zero() && other.power(exponent) == self).then_some(exponent)
    }

    fn product_of_base_units(&self) -> String {
        let powers = |positive: bool| {
            let parts: Vec<String> = BASE
                .iter()
                .zip(self.0)
                .filter(|(_, e)| !e.is_zero() && e.is_positive() == positive)
                .map(|(name, e)| power_text(name, if positive { e } else { e.negated() }))
                .collect();
            (parts.len(), parts.join("*"))
        };
        let ((upper, above), (lower, below)) = (powers(true), powers(false));
        let above = if upper == 0 { "1".into() } else { above };
        match lower {
            0 => above,
            1 => format!("{above}/{below}"),
            _ => format!("{above}/({below})"),
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// The base units in the order of the exponents.
const BASE: [&str; 6] = ["ms", "mV", "nA", "um", "amol", "K"];

/// The number of units in [`NAMED`] that a person would use in a compound.
const COMMON: usize = 7;

/// The coherent units with names of their own.
const NAMED: [(&str, Dimension); 13] = [
    ("mV", Dimension::VOLTAGE),
    ("nA", Dimension::CURRENT),
    ("ms", Dimension::TIME),
    ("MOhm", Dimension::RESISTANCE),
    ("uS", Dimension::CONDUCTANCE),
    ("nF", Dimension::CAPACITANCE),
    ("mM", Dimension::CONCENTRATION),
    ("pC", Dimension::CHARGE),
    ("pW", Dimension::POWER),
    ("fJ", Dimension::ENERGY),
    ("um", Dimension::LENGTH),
    ("amol", Dimension::AMOUNT),
    ("K", Dimension::TEMPERATURE),
];

fn power_text(name: &str, exponent: Exponent) -> String {
    if exponent == Exponent::whole(1) { name.into() } else { format!("{name}^{exponent}") }
}

#[cfg(test)]
mod tests {
    use super::{Dimension, Exponent};

    #[test]
    fn products_and_quotients_are_coherent() {
        let (v, i, t) = (Dimension::VOLTAGE, Dimension::CURRENT, Dimension::TIME);
        assert_eq!(v.over(i), Dimension::RESISTANCE);
        assert_eq!(i.over(v), Dimension::CONDUCTANCE);
        assert_eq!(Dimension::RESISTANCE.times(Dimension::CAPACITANCE), t);
        assert_eq!(i.times(t), Dimension::CHARGE);
        assert_eq!(v.times(i).times(t), Dimension::ENERGY);
        assert_eq!(Dimension::CAPACITANCE.times(v), Dimension::CHARGE);
        assert_eq!(v.over(v), Dimension::NONE);
        assert_eq!(t.inverse(), Dimension::RATE);
    }

    #[test]
    fn roots_and_powers_are_exact() {
        let v = Dimension::VOLTAGE;
        let square = v.power(Exponent::whole(2));
        assert_eq!(square.root(), v);
        assert_eq!(v.root().times(v.root()), v);
        let third = v.power(Exponent::new(1, 3));
        assert_eq!(third.times(third).times(third), v);
        assert_eq!(v.power(Exponent::whole(0)), Dimension::NONE);
        assert_eq!(v.power(Exponent::new(-2, -4)), v.root());
        assert_eq!(v.power(Exponent::new(2, -4)), v.root().inverse());
    }

    #[test]
    fn exponents_come_from_rounded_values() {
        assert_eq!(Exponent::from_value(1.0 / 3.0), Some(Exponent::new(1, 3)));
        assert_eq!(Exponent::from_value(-1.5), Some(Exponent::new(-3, 2)));
        assert_eq!(Exponent::from_value(0.0), Some(Exponent::whole(0)));
        assert_eq!(Exponent::from_value(std::f64::consts::PI), None);
        assert_eq!(Exponent::from_value(f64::NAN), None);
    }

    #[test]
    fn nonsense_exponents_do_not_overflow() {
        let mut d = Dimension::VOLTAGE.root();
        for _ in 0..200 {
            d = d.power(Exponent::new(999_983, 999_979)).times(d);
        }
        assert!(!d.base_unit().is_empty());
    }

    #[test]
    fn units_read_as_a_person_writes_them() {
        let (v, i, t, l) = (Dimension::VOLTAGE, Dimension::CURRENT, Dimension::TIME, Dimension::LENGTH);
        let square = Exponent::whole(2);
        let cases = [
            (Dimension::NONE, ""),
            (v, "mV"),
            (t, "ms"),
            (t.inverse(), "1/ms"),
            (v.over(t), "mV/ms"),
            (i.over(t), "nA/ms"),
            (v.over(i), "MOhm"),
            (i.over(v), "uS"),
            (Dimension::CAPACITANCE, "nF"),
            (Dimension::CHARGE, "pC"),
            (Dimension::CONCENTRATION, "mM"),
            (v.power(square), "mV^2"),
            (v.power(square).inverse(), "1/mV^2"),
            (v.root(), "mV^(1/2)"),
            (v.inverse(), "1/mV"),
            (Dimension::CONDUCTANCE.over(l.power(square)), "uS/um^2"),
            (Dimension::CAPACITANCE.over(l.power(square)), "nF/um^2"),
            (v.over(t.root()), "mV/ms^(1/2)"),
            (v.times(t), "mV*ms"),
            (Dimension::CONDUCTANCE.over(t), "uS/ms"),
            (i.over(v.power(square)), "nA/mV^2"),
            (Dimension::CONCENTRATION.over(t), "mM/ms"),
            (v.power(square).over(t), "mV^2/ms"),
        ];
        for (dimension, text) in cases {
            assert_eq!(dimension.base_unit(), text);
        }
        assert_eq!(Dimension::NONE.to_string(), "a number without unit");
    }

    #[test]
    fn the_sign_of_a_fraction_stands_above() {
        assert_eq!(Exponent::new(2, -4), Exponent::new(-1, 2));
        assert_eq!(Exponent::new(-3, -3), Exponent::whole(1));
        assert_eq!(Exponent::new(5, 0), Exponent::whole(5));
    }
}
