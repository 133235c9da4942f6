//! A table of times and values, as a measurement or a run leaves it behind.
//!
//! ```text
//! # ms,pA
//! t,I_ext
//! 0,0
//! 50,250
//! ```
//!
//! The line with units and the line with names may be left out: numbers count in ms and the base unit of the port then.

use super::error::{Error, Place};
use crate::check::Dimension;
use crate::check::constant;
use crate::model::Quantity;

/// The rows (t in ms, value in the base unit of the port) of the text of a file.
pub(super) fn read(place: &Place, port: &Quantity, file: &str, text: &str) -> Result<Vec<(f64, f64)>, Error> {
    let mut units: Option<(usize, Vec<&str>)> = None;
    let mut names: Option<Vec<&str>> = None;
    let mut rows = Vec::new();
    let mut columns: Option<Columns> = None;
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate().map(|(k, line)| (k + 1, line.trim()))
    {
        let error = |message: String| Error::new(place.clone(), format!("{file}, line {number}: {message}"));
        if line.is_empty() {
            continue;
        }
        if let Some(comment) = line.strip_prefix('#') {
            let list = cells(comment);
            let is_time = list.first().and_then(|c| unit(c)).is_some_and(|u| u.1 == Dimension::TIME);
            if is_time && rows.is_empty() && list.len() > 1 {
                units = Some((number, list));
            }
            continue;
        }
        let cells = cells(line);
        if rows.is_empty() && names.is_none() && cells.first().is_some_and(|c| c.parse::<f64>().is_err()) {
            names = Some(cells);
            continue;
        }
        let columns = match columns {
            Some(columns) => columns,
            None => *columns.insert(Columns::new(place, port, file, &cells, &names, &units)?),
        };
        if cells.len() != columns.count {
            return Err(error(format!("expected {} numbers, found {}", columns.count, cells.len())));
        }
        let number = |k: usize| {
            let cell = cells.get(k).copied().unwrap_or_default();
            let value = cell.parse::<f64>().ok().filter(|x| x.is_finite());
            value.ok_or_else(|| error(format!("expected a number, found `{cell}`")))
        };
        rows.push((scaled(number(0)?, columns.time), scaled(number(columns.value)?, columns.scale)));
    }
    if rows.is_empty() {
        let help = "write a time in ms and a value in each line, with a comma between them";
        return Err(Error::new(place.clone(), format!("{file}: expected rows of numbers, found none")).help(help));
    }
    Ok(rows)
}

/// What the columns mean.
#[derive(Clone, Copy)]
struct Columns {
    count: usize,
    /// Which holds the values.
    value: usize,
    /// The units of times and values in base units.
    time: f64,
    scale: f64,
}

impl Columns {
    fn new(
        place: &Place,
        port: &Quantity,
        file: &str,
        first: &[&str],
        names: &Option<Vec<&str>>,
        units: &Option<(usize, Vec<&str>)>,
    ) -> Result<Self, Error> {
        let count = first.len();
        let named = names.as_ref().and_then(|names| names.iter().skip(1).position(|n| *n == port.name));
        let value = match (count, named) {
            (2, _) => 1,
            (3.., Some(k)) => k + 1,
            _ => {
                let name = &port.name;
                let message = format!("{file}: expected two columns, t and `{name}`, found {count}");
                let help = format!("leave the others out, or name them in the first line: `t,{name},...`");
                return Err(Error::new(place.clone(), message).help(help));
            }
        };
        let (mut time, mut scale) = (1.0, 1.0);
        if let Some((line, units)) = units {
            let error = |message: String| Error::new(place.clone(), format!("{file}, line {line}: {message}"));
            if units.len() != count {
                return Err(error(format!("expected {count} units, one for each column, found {}", units.len())));
            }
            let cell = units.get(value).copied().unwrap_or_default();
            let found = unit(cell).ok_or_else(|| error(format!("expected a unit, found `{cell}`")))?;
            if found.1 != port.dimension {
                let (expected, found) = (port.dimension, found.1);
                return Err(error(format!("expected {expected} for `{}`, found {found}", port.name)));
            }
            time = units.first().and_then(|cell| unit(cell)).map_or(1.0, |u| u.0);
            scale = found.0;
        }
        Ok(Self { count, value, time, scale })
    }
}

fn cells(line: &str) -> Vec<&str> {
    if line.contains(',') { line.split(',').map(str::trim).collect() } else { line.split_whitespace().collect() }
}

/// The size of a unit in base units, and what it measures.
fn unit(text: &str) -> Option<(f64, Dimension)> {
    constant::quantity(text, "a unit").ok()
}

/// A value in base units. Units are powers of ten; a quotient by a whole one rounds once.
fn scaled(value: f64, unit: f64) -> f64 {
    let inverse = (1.0 / unit).round();
    if unit < 1.0 && inverse * unit == 1.0 { value / inverse } else { value * unit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn rows(text: &str) -> Result<Vec<(f64, f64)>, String> {
        let span = Span { file: FileId(0), start: 0, end: 0 };
        let port = Quantity { name: "I".into(), docs: vec![], dimension: Dimension::CURRENT, span };
        read(&Place::Input("I".into()), &port, "x.csv", text).map_err(|e| e.message)
    }

    #[test]
    fn units_and_names_may_be_left_out() {
        let expected = Ok(vec![(0.0, 0.0), (50.0, 0.25)]);
        for text in [
            "0,0\n50,0.25\n",
            "t,I\n0,0\n50,0.25",
            "# ms,pA\nt,x\n0,0\n\n50,250\n",
            "# s, nA\r\n0, 0\r\n0.05, 0.25\r\n",
            "\u{feff}# a remark, with commas\nt V I\n0 1 0\n# and one more\n50 2 0.25\n",
            "# ms,mV,pA\nt,V,I\n0,1,0\n50,2,250\n",
        ] {
            assert_eq!(rows(text), expected, "{text}");
        }
        assert_eq!(rows("# ms,pA\n0,281"), Ok(vec![(0.0, 0.281)]));
    }

    #[test]
    fn mistakes_name_the_line() {
        for (text, message) in [
            ("", "x.csv: expected rows of numbers, found none"),
            ("t,I\n", "x.csv: expected rows of numbers, found none"),
            ("0,0\n1,x\n", "x.csv, line 2: expected a number, found `x`"),
            ("0,0\n1,NaN\n", "x.csv, line 2: expected a number, found `NaN`"),
            ("0,0\n1\n", "x.csv, line 2: expected 2 numbers, found 1"),
            ("0,0,0\n", "x.csv: expected two columns, t and `I`, found 3"),
            ("t,V,W\n0,0,0\n", "x.csv: expected two columns, t and `I`, found 3"),
            ("# ms,mV\n0,0\n", "x.csv, line 1: expected nA for `I`, found mV"),
            ("# ms,volt\n0,0\n", "x.csv, line 1: expected a unit, found `volt`"),
            ("# ms,nA,nA\n0,0\n", "x.csv, line 1: expected 2 units, one for each column, found 3"),
        ] {
            assert_eq!(rows(text), Err(message.into()), "{text}");
        }
    }
}
