//! Indentation, and columns: neighbouring declarations of a kind have their `=`, `:` and clauses below each other, and so
//! have the comments at the ends of neighbouring lines.

use super::lines::Line;
use super::spacing::{Word, join};

/// Declarations that are aligned with each other.
struct Kind {
    /// The words that begin them.
    first: &'static [&'static str],
    columns: &'static [Column],
}

/// What begins a cell, and how far it stands from the cell before it.
struct Column {
    begins: Begin,
    gap: usize,
}

enum Begin {
    /// Any of these words, outside of brackets.
    Words(&'static [&'static str]),
    /// The word at this place.
    Place(usize),
}

const EQUALS: Column = Column { begins: Begin::Words(&["="]), gap: 1 };
const COLON: Column = Column { begins: Begin::Words(&[":"]), gap: 1 };
const SECOND: Column = Column { begins: Begin::Place(1), gap: 1 };

const KINDS: &[Kind] = &[
    Kind {
        first: &["param"],
        columns: &[
            EQUALS,
            Column { begins: Begin::Words(&["in"]), gap: 2 },
            Column { begins: Begin::Words(&["trainable", "per"]), gap: 2 },
        ],
    },
    Kind { first: &["state"], columns: &[COLON, EQUALS] },
    Kind { first: &["event"], columns: &[COLON] },
    Kind { first: &["drive"], columns: &[COLON] },
    Kind { first: &["let"], columns: &[EQUALS] },
    Kind { first: &["const"], columns: &[EQUALS] },
    Kind { first: &["readout"], columns: &[EQUALS] },
    Kind { first: &["derivative", "primitive", "support"], columns: &[EQUALS] },
    Kind { first: &["input", "target", "layer"], columns: &[SECOND, EQUALS] },
];

/// A line with `->` behind its first word.
const PROJECTION: Kind = Kind { first: &[], columns: &[SECOND, COLON] };

/// The text of lines.
pub(super) fn text(lines: &[Line<'_>]) -> String {
    let mut cells: Vec<Vec<String>> = lines.iter().map(cells).collect();
    for run in runs(lines) {
        align(&mut cells, &run);
    }
    let indent = |(line, cells): (&Line, Vec<String>)| "    ".repeat(line.depth) + cells.concat().trim_end();
    let mut bodies: Vec<String> = lines.iter().zip(cells).map(indent).collect();
    add_comments(lines, &mut bodies);

    let mut out = String::new();
    let mut after_brace = true;
    for (line, body) in lines.iter().zip(&bodies) {
        let closes = line.words.first().is_some_and(|w| w.text == "}");
        if line.after_gap && !after_brace && !closes {
            out.push('\n');
        }
        out.push_str(body);
        out.push('\n');
        after_brace = line.words.last().is_some_and(|w| w.text == "{");
    }
    out
}

/// The kind of a line that takes part in columns.
fn kind(line: &Line<'_>) -> Option<&'static Kind> {
    if !line.is_statement() {
        return None;
    }
    if line.words.get(1).is_some_and(|w| w.text == "->") {
        return Some(&PROJECTION);
    }
    let first = line.words.first()?.text;
    KINDS.iter().find(|kind| kind.first.contains(&first))
}

/// The cells of a line, each with the space before it; one more than its kind has columns, an absent one is empty.
fn cells(line: &Line<'_>) -> Vec<String> {
    let Some(kind) = kind(line) else { return vec![join(&line.words)] };
    let mut from = 0;
    let mut starts = vec![(0, 0)];
    for column in kind.columns {
        let start = match column.begins {
            Begin::Place(k) => Some(k),
            Begin::Words(words) => outside_of_brackets(&line.words, from, words),
        };
        starts.push((start.unwrap_or(usize::MAX), column.gap));
        from = start.map_or(from, |k| k + 1);
    }
    let cell = |k: usize| {
        let (start, gap) = starts[k];
        let end = starts[k + 1..].iter().map(|s| s.0).find(|&s| s != usize::MAX).unwrap_or(line.words.len());
        match line.words.get(start..end) {
            Some(words) => " ".repeat(gap) + &join(words),
            None => String::new(),
        }
    };
    (0..starts.len()).map(cell).collect()
}

/// The first of these words behind the `from`-th and outside of brackets.
fn outside_of_brackets(line: &[Word<'_>], from: usize, words: &[&str]) -> Option<usize> {
    let mut depth = 0_i32;
    for (k, word) in line.iter().enumerate() {
        match word.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            text if k >= from && depth == 0 && words.contains(&text) => return Some(k),
            _ => {}
        }
    }
    None
}

/// Neighbouring lines of one kind and depth; lines of comments between them do not separate, empty lines do.
fn runs(lines: &[Line<'_>]) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    let mut before: Option<(*const Kind, usize)> = None;
    for (k, line) in lines.iter().enumerate() {
        if line.after_gap {
            before = None;
        }
        if line.words.is_empty() {
            continue;
        }
        let this = kind(line).map(|kind| (std::ptr::from_ref(kind), line.depth));
        match runs.last_mut() {
            Some(run) if this.is_some() && this == before => run.push(k),
            _ if this.is_some() => runs.push(vec![k]),
            _ => {}
        }
        before = this;
    }
    runs
}

/// Makes each column as wide as its widest cell in a line that has anything behind it.
fn align(cells: &mut [Vec<String>], run: &[usize]) {
    let columns = run.first().map_or(0, |&k| cells[k].len());
    for column in 0..columns {
        let goes_on = |k: &usize| cells[*k][column + 1..].iter().any(|cell| !cell.is_empty());
        let group: Vec<usize> = run.iter().copied().filter(goes_on).collect();
        let width = group.iter().map(|&k| cells[k][column].chars().count()).max().unwrap_or(0);
        for k in group {
            cells[k][column] = format!("{:width$}", cells[k][column]);
        }
    }
}

/// Puts the comments at the ends of neighbouring lines below each other.
fn add_comments(lines: &[Line<'_>], bodies: &mut [String]) {
    let trails = |k: usize| lines[k].comment.is_some() && !lines[k].words.is_empty();
    let indices: Vec<usize> = (0..lines.len()).collect();
    for group in
        indices.chunk_by(|&a, &b| trails(a) && trails(b) && !lines[b].after_gap && lines[a].depth == lines[b].depth)
    {
        let width = group.iter().map(|&k| bodies[k].chars().count()).max().unwrap_or(0);
        for &k in group {
            let Some(comment) = lines[k].comment else { continue };
            bodies[k] = match lines[k].words.is_empty() {
                true => format!("{}{comment}", "    ".repeat(lines[k].depth)),
                false => format!("{:width$}  {comment}", bodies[k]),
            };
        }
    }
}
