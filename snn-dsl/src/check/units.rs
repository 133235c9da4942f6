//! The names of units: SI prefixes on a short list of units, all of them powers of ten of the coherent base.

use super::dimension::Dimension;
use crate::diagnostic::suggest::closest;

/// A unit: `10^exponent` coherent base units of its dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    /// The power of ten.
    pub exponent: i32,
    /// What it measures.
    pub dimension: Dimension,
}

impl Unit {
    /// `value` of this unit to the power `power`, in base units.
    pub(super) fn scale(self, value: f64, power: i32) -> f64 {
        // Dividing by an exact power of ten rounds once; multiplying by 0.001 would round twice.
        let exponent = self.exponent.saturating_mul(power);
        let factor = power_of_ten(exponent.saturating_abs());
        if exponent < 0 { value / factor } else { value * factor }
    }
}

fn power_of_ten(exponent: i32) -> f64 {
    (0..exponent.min(400)).fold(1.0, |product, _| product * 10.0)
}

/// Units without prefix, with the power of ten of the base unit.
const UNITS: [(&str, i32, Dimension); 17] = [
    ("s", 3, Dimension::TIME),
    ("m", 6, Dimension::LENGTH),
    ("V", 3, Dimension::VOLTAGE),
    ("A", 9, Dimension::CURRENT),
    ("Ohm", -6, Dimension::RESISTANCE),
    ("\u{3a9}", -6, Dimension::RESISTANCE),
    ("\u{2126}", -6, Dimension::RESISTANCE),
    ("S", 6, Dimension::CONDUCTANCE),
    ("F", 9, Dimension::CAPACITANCE),
    ("C", 12, Dimension::CHARGE),
    ("Hz", -3, Dimension::RATE),
    ("J", 15, Dimension::ENERGY),
    ("W", 12, Dimension::POWER),
    ("mol", 18, Dimension::AMOUNT),
    ("M", 3, Dimension::CONCENTRATION),
    ("K", 0, Dimension::TEMPERATURE),
    ("1", 0, Dimension::NONE),
];

const PREFIXES: [(&str, i32); 10] = [
    ("f", -15),
    ("p", -12),
    ("n", -9),
    ("u", -6),
    ("\u{b5}", -6),
    ("\u{3bc}", -6),
    ("m", -3),
    ("k", 3),
    ("M", 6),
    ("G", 9),
];

/// The unit of that name.
pub(super) fn lookup(name: &str) -> Option<Unit> {
    let plain = |name: &str| UNITS.iter().find(|u| u.0 == name);
    if let Some(&(_, exponent, dimension)) = plain(name) {
        return Some(Unit { exponent, dimension });
    }
    if name == "cm" {
        return Some(Unit { exponent: 4, dimension: Dimension::LENGTH });
    }
    // amol is the base unit of amount and must be readable where it is printed.
    if name == "amol" {
        return Some(Unit { exponent: 0, dimension: Dimension::AMOUNT });
    }
    PREFIXES.iter().find_map(|&(prefix, power)| {
        let rest = name.strip_prefix(prefix)?;
        let &(_, exponent, dimension) = plain(rest)?;
        (rest != "1").then_some(Unit { exponent: exponent + power, dimension })
    })
}

/// What a person may have meant by a name that is no unit: a list of units.
pub(super) fn suggestions(name: &str) -> Vec<String> {
    const WORDS: [(&str, &str); 18] = [
        ("sec", "s"),
        ("second", "s"),
        ("seconds", "s"),
        ("msec", "ms"),
        ("usec", "us"),
        ("volt", "V"),
        ("volts", "V"),
        ("mvolt", "mV"),
        ("amp", "A"),
        ("namp", "nA"),
        ("pamp", "pA"),
        ("ohm", "Ohm"),
        ("ohms", "Ohm"),
        ("siemens", "S"),
        ("siemen", "S"),
        ("hertz", "Hz"),
        ("farad", "F"),
        ("kelvin", "K"),
    ];
    let lower = name.to_lowercase();
    if let Some((_, unit)) = WORDS.iter().find(|(word, _)| *word == lower) {
        return vec![(*unit).to_string()];
    }
    let names = names();
    let same: Vec<String> = names.iter().filter(|n| n.to_lowercase() == lower).cloned().collect();
    if !same.is_empty() {
        return same;
    }
    if name.chars().count() < 3 {
        return Vec::new();
    }
    closest(name, names.iter().map(String::as_str)).map(str::to_string).into_iter().collect()
}

/// All unit names in ASCII, the usual ones first.
pub(super) fn names() -> Vec<String> {
    let usual = ["ms", "mV", "nA", "pA", "MOhm", "nS", "uS", "pF", "nF", "Hz", "um", "mM"];
    let mut all: Vec<String> = usual.iter().map(|n| n.to_string()).collect();
    all.push("cm".into());
    for (unit, ..) in UNITS.iter().filter(|u| u.0.is_ascii() && u.0 != "1") {
        all.push((*unit).into());
        for (prefix, _) in PREFIXES.iter().filter(|p| p.0.is_ascii()) {
            let name = format!("{prefix}{unit}");
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

/// Units that differ from `name` by case alone and measure `dimension`: `ms` for `mS`.
pub(super) fn other_case(name: &str, dimension: Dimension) -> Option<String> {
    let lower = name.to_lowercase();
    names()
        .into_iter()
        .find(|n| n != name && n.to_lowercase() == lower && lookup(n).is_some_and(|u| u.dimension == dimension))
}

#[cfg(test)]
mod tests {
    use super::{lookup, other_case, suggestions};
    use crate::check::dimension::Dimension;

    fn value(number: f64, unit: &str) -> f64 {
        lookup(unit).map_or(f64::NAN, |u| u.scale(number, 1))
    }

    #[test]
    fn base_units_are_one() {
        for unit in ["ms", "mV", "nA", "MOhm", "uS", "nF", "pC", "um", "mM", "K", "amol", "pW", "fJ", "1"] {
            assert_eq!(value(1.0, unit), 1.0, "{unit}");
        }
    }

    #[test]
    fn literals_round_once() {
        assert_eq!(value(20.0, "us"), 0.02);
        assert_eq!(value(0.1, "ms"), 0.1);
        assert_eq!(value(-0.07, "V"), -70.0);
        assert_eq!(value(250.0, "pA"), 0.25);
        assert_eq!(value(10.0, "nS"), 0.01);
        assert_eq!(value(40.0, "Hz"), 0.04);
        assert_eq!(value(1.0, "cm"), 1e4);
        assert_eq!(value(0.2, "GOhm"), 200.0);
        assert_eq!(value(281.0, "pF"), 0.281);
        assert_eq!(value(1.0, "µs"), 1e-3);
        assert_eq!(value(1.0, "MΩ"), 1.0);
    }

    #[test]
    fn every_printed_unit_can_be_read() {
        for name in super::names() {
            assert!(lookup(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn prefixes_need_a_unit() {
        for name in ["min", "c", "cs", "mm2", "x", "", "m1", "kk"] {
            assert_eq!(lookup(name), None, "{name}");
        }
        assert_eq!(lookup("m").map(|u| u.dimension), Some(Dimension::LENGTH));
    }

    #[test]
    fn slips_are_recognised() {
        assert_eq!(suggestions("msec"), ["ms"]);
        assert_eq!(suggestions("mohm"), ["MOhm", "mOhm"]);
        assert_eq!(suggestions("q"), Vec::<String>::new());
        assert_eq!(suggestions("mVt"), ["mV"]);
        assert_eq!(other_case("mS", Dimension::TIME).as_deref(), Some("ms"));
        assert_eq!(other_case("mS", Dimension::VOLTAGE), None);
    }
}
