//! Which neurons a projection connects: parts of populations, and the kinds of connectivity.

use super::dimension::Dimension;
use super::network::Checker;
use crate::diagnostic::{Diagnostic, closest};
use crate::expr::number as number_text;
use crate::model::{Connectivity, Sliding};
use crate::source::Span;
use crate::syntax::tree::{Call, Expr, Ident, ValueRange};
use std::ops::Range;

/// The words, with what stands in their brackets.
const KINDS: [(&str, &str); 8] = [
    ("dense", "dense"),
    ("one_to_one", "one_to_one"),
    ("random", "random(0.1)"),
    ("fixed_indegree", "fixed_indegree(100)"),
    ("fixed_outdegree", "fixed_outdegree(100)"),
    ("edges", "edges(\"connections.npz\")"),
    ("conv", "conv(3, stride = 1, padding = 0)"),
    ("pool", "pool(2)"),
];

/// The words.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|k| k.0)
}

/// What a projection says about one of its ends.
#[derive(Clone)]
pub(super) struct End<'t> {
    pub name: &'t Ident,
    /// All neurons.
    pub size: usize,
    /// Those that take part.
    pub part: Range<usize>,
    pub grid: Option<[usize; 3]>,
}

impl End<'_> {
    fn whole(&self) -> bool {
        self.part == (0..self.size)
    }
}

/// `[a .. b]` of a population of so many neurons; all of them without.
pub(super) fn part<'a>(
    checker: &mut Checker<'a>,
    range: Option<&'a ValueRange>,
    name: &Ident,
    size: usize,
) -> Option<Range<usize>> {
    let Some(range) = range else { return Some(0..size) };
    let mut end = |expr: &'a Option<Expr>, default: usize| match expr {
        None => Some((default as f64, None)),
        Some(expr) => {
            let value = checker.typing.constant_of(expr, Dimension::NONE, "the number of a neuron")?;
            Some((value, Some(expr.span)))
        }
    };
    let (low, high) = (end(&range.low, 0), end(&range.high, size));
    let ((low, first), (high, last)) = (low?, high?);
    let fits = |x: f64| x.fract() == 0.0 && (0.0..=size as f64).contains(&x);
    if fits(low) && fits(high) && low < high {
        return Some(low as usize..high as usize);
    }
    let span = match (first, last) {
        (Some(a), Some(b)) => a.to(b),
        (Some(span), None) | (None, Some(span)) => span,
        (None, None) => name.span,
    };
    let (low, high) = (number_text(low), number_text(high));
    let message = format!("expected whole numbers within 0 .. {size} of `{}`, found {low} .. {high}", name.name);
    let hint = "the first neuron is 0, and the end of the range is not in it: `[0 .. 80]` are 80 neurons";
    checker.typing.fail(Diagnostic::error("E0513", span, message).hint(hint))
}

/// The connectivity that a call names. `None` if there is a mistake, which is reported.
pub(super) fn connectivity<'a>(
    checker: &mut Checker<'a>,
    call: &'a Call,
    ends: Option<(&End<'a>, &End<'a>)>,
    own: bool,
) -> Option<Connectivity> {
    let name = call.name.name.as_str();
    let &(_, example) = KINDS.iter().find(|k| k.0 == name)?;
    if name == "edges" {
        let (span, found) = match call.arguments.first() {
            Some(argument) => (argument.value.span, format!("`{}`", checker.typing.text(argument.value.span))),
            None => (call.span, "none".into()),
        };
        let message = format!("expected a file in quotes for `edges`, found {found}");
        return checker.typing.fail(Diagnostic::error("E0208", span, message).hint(format!("write e.g. `{example}`")));
    }
    let (positional, named): (&[&str], &[&str]) = match name {
        "random" => (&["p"], &["seed"]),
        "fixed_indegree" | "fixed_outdegree" => (&["k"], &["seed"]),
        "conv" => (&["height", "width"], &["stride", "padding"]),
        "pool" => (&["height", "width"], &["stride"]),
        _ => (&[], &[]),
    };
    let arguments = Arguments::read(checker, call, positional, named, example)?;
    let (rows, columns) = ends.map(|(s, t)| (s.part.len(), t.part.len()))?;
    let own = usize::from(own);
    let seed = arguments.seed;
    let count = |checker: &mut Checker<'a>, most: usize, what: &str, each: &str| {
        let (k, span) = arguments.first(call);
        if (1.0..=most as f64).contains(&k) && k.fract() == 0.0 {
            return Some(k as usize);
        }
        let message = format!("expected 1 to {most} {what} for each {each}, found {}", number_text(k));
        checker.typing.fail(Diagnostic::error("E0514", span, message).hint(format!("there are {most} to choose from")))
    };
    match name {
        "dense" => Some(Connectivity::Dense),
        "one_to_one" if rows == columns => Some(Connectivity::OneToOne),
        "one_to_one" => {
            let message = format!("expected as many sources as targets for `one_to_one`, found {rows} and {columns}");
            let hint = "make the populations equal, or take a part of the larger one: `a[0 .. 10] -> b.exc`";
            checker.typing.fail(Diagnostic::error("E0514", call.span, message).hint(hint))
        }
        "random" => {
            let (probability, span) = arguments.first(call);
            if (0.0..=1.0).contains(&probability) {
                return Some(Connectivity::Random { probability, seed });
            }
            let message = format!("expected a probability from 0 to 1, found {}", number_text(probability));
            let hint = "`random(0.1)` connects a tenth of all pairs";
            checker.typing.fail(Diagnostic::error("E0514", span, message).hint(hint))
        }
        "fixed_indegree" => {
            let count = count(checker, rows - own.min(rows), "sources", "target")?;
            Some(Connectivity::FixedIndegree { count, seed })
        }
        "fixed_outdegree" => {
            let count = count(checker, columns - own.min(columns), "targets", "source")?;
            Some(Connectivity::FixedOutdegree { count, seed })
        }
        _ => sliding(checker, call, ends?, &arguments, name == "pool"),
    }
}

/// The connections of `edges("FILE")`. Whether the file is there is no matter of the text.
pub(super) fn listed(checker: &mut Checker, file: &Ident) -> Option<Connectivity> {
    let wrong = |found: &str, hint: &str| {
        Diagnostic::error("E0514", file.span, format!("expected the path of an NPZ file, found {found}")).hint(hint)
    };
    let name = file.name.as_str();
    if name.contains('\\') {
        let hint = "write `/` between folders, which every system understands";
        return checker.typing.fail(wrong("a backslash", hint));
    }
    if name.chars().any(char::is_control) {
        return checker.typing.fail(wrong("a control character", "remove it"));
    }
    if !name.ends_with(".npz") {
        let hint = "write the connections in Python: \
                    `numpy.savez(\"connections.npz\", source=source, target=target, weight=weight)`";
        let found = if name.trim().is_empty() { "none".into() } else { format!("`{name}`") };
        return checker.typing.fail(wrong(&found, hint));
    }
    Some(Connectivity::Edges { file: name.into() })
}

/// The arguments of a kind of connectivity.
struct Arguments {
    positional: Vec<(f64, Span)>,
    stride: Option<f64>,
    padding: Option<f64>,
    seed: u64,
}

impl Arguments {
    fn read<'a>(
        checker: &mut Checker<'a>,
        call: &'a Call,
        positional: &[&str],
        named: &[&str],
        example: &str,
    ) -> Option<Self> {
        let name = call.name.name.as_str();
        let mut found = Self { positional: Vec::new(), stride: None, padding: None, seed: 0 };
        let mut sound = true;
        let mut seen: Vec<&str> = Vec::new();
        for argument in &call.arguments {
            let Some(value) = checker.typing.constant_of(&argument.value, Dimension::NONE, &format!("`{name}`")) else {
                sound = false;
                continue;
            };
            let word = argument.name.as_ref().map(|n| n.name.as_str());
            let twice = word.is_some_and(|w| seen.contains(&w));
            seen.extend(word);
            match word {
                None if found.positional.len() < positional.len() => {
                    found.positional.push((value, argument.value.span))
                }
                Some(word) if positional.get(found.positional.len()) == Some(&word) && !twice => {
                    found.positional.push((value, argument.value.span));
                }
                Some("stride") if named.contains(&"stride") && !twice => found.stride = Some(value),
                Some("padding") if named.contains(&"padding") && !twice => found.padding = Some(value),
                Some("seed") if named.contains(&"seed") && !twice => {
                    if value >= 0.0 && value.fract() == 0.0 && value < 9e15 {
                        found.seed = value as u64;
                    } else {
                        let message =
                            format!("expected a whole number from 0 on as seed, found {}", number_text(value));
                        checker.typing.diagnostics.push(Diagnostic::error("E0514", argument.value.span, message));
                        sound = false;
                    }
                }
                _ => {
                    let (span, text) = match &argument.name {
                        Some(name) => (name.span, format!("`{}`", name.name)),
                        None => (argument.value.span, number_text(value)),
                    };
                    let message = match twice {
                        true => format!("the argument {text} of `{name}` is given twice"),
                        false => format!("expected no argument {text} of `{name}`"),
                    };
                    let diagnostic = Diagnostic::error("E0208", span, message);
                    let hint = match (name, word) {
                        ("conv", Some("kernel_size" | "kernel" | "channels" | "in_channels" | "out_channels")) => {
                            format!("channels are those of the grids, and the kernel stands first: `{example}`")
                        }
                        _ => format!("write e.g. `{example}`"),
                    };
                    checker.typing.diagnostics.push(diagnostic.hint(hint));
                    sound = false;
                }
            }
        }
        if !positional.is_empty() && found.positional.is_empty() && sound {
            let message = format!("expected a number in the brackets of `{name}`, found none");
            let diagnostic = Diagnostic::error("E0208", call.span, message);
            return checker.typing.fail(diagnostic.hint(format!("write e.g. `{example}`")));
        }
        sound.then_some(found)
    }

    fn first(&self, call: &Call) -> (f64, Span) {
        self.positional.first().copied().unwrap_or((f64::NAN, call.span))
    }
}

/// `conv` and `pool`
fn sliding<'a>(
    checker: &mut Checker<'a>,
    call: &'a Call,
    (source, target): (&End<'a>, &End<'a>),
    arguments: &Arguments,
    pool: bool,
) -> Option<Connectivity> {
    let name = &call.name.name;
    for end in [source, target] {
        if !end.whole() {
            let message = format!("expected all neurons of `{}` for `{name}`, found a part", end.name.name);
            return checker.typing.fail(Diagnostic::error("E0514", end.name.span, message).hint("remove the brackets"));
        }
    }
    let grid = |checker: &mut Checker<'a>, end: &End| match end.grid {
        Some(grid) => Some(grid),
        None => {
            let message = format!("expected a grid for `{name}`, found the population `{}`", end.name.name);
            let hint = format!("declare its channels, height and width: `{}[1, 28, 28]`", end.name.name);
            checker.typing.fail(Diagnostic::error("E0514", end.name.span, message).hint(hint))
        }
    };
    let (from, to) = (grid(checker, source), grid(checker, target));
    let (from, to) = (from?, to?);
    let whole = |checker: &mut Checker<'a>, value: f64, least: f64, what: &str, span: Span| {
        if value >= least && value <= 1e6 && value.fract() == 0.0 {
            return Some(value as usize);
        }
        let message =
            format!("expected a whole number from {least} on as {what} of `{name}`, found {}", number_text(value));
        checker.typing.fail(Diagnostic::error("E0514", span, message))
    };
    let (height, span) = arguments.first(call);
    let (width, _) = arguments.positional.get(1).copied().unwrap_or((height, span));
    let height = whole(checker, height, 1.0, "height", span)?;
    let width = whole(checker, width, 1.0, "width", span)?;
    // In one dimension there is a single row, over which a window of one number moves.
    let line = from[1] == 1 && to[1] == 1 && arguments.positional.len() == 1;
    let kernel = [if line { 1 } else { height }, width];
    let stride = match arguments.stride {
        Some(stride) => [whole(checker, stride, 1.0, "stride", call.span)?; 2],
        None if pool => kernel,
        None => [1, 1],
    };
    let padding = whole(checker, arguments.padding.unwrap_or(0.0), 0.0, "padding", call.span)?;
    let padding = [if line { 0 } else { padding }, padding];
    let window = Sliding { source: from, target: to, kernel, stride, padding };
    if pool && from[0] != to[0] {
        let message = format!("expected as many channels in `{}` as in `{}`", target.name.name, source.name.name);
        let found = format!("{message} for `pool`, found {} and {}", to[0], from[0]);
        return checker.typing.fail(Diagnostic::error("E0514", call.span, found).hint("pooling keeps channels apart"));
    }
    // Other tools have the channels behind.
    let is_turned = |[channels, _, width]: [usize; 3]| channels > width;
    match window.extent() {
        Some([rows, columns]) if [rows, columns] == to[1..] => {}
        Some([rows, columns]) => {
            let shape = |[c, h, w]: [usize; 3]| format!("[{c}, {h}, {w}]");
            let message = format!(
                "expected {} of `{}` for this `{name}` of {}, found {}",
                shape([to[0], rows, columns]),
                target.name.name,
                shape(from),
                shape(to)
            );
            let hint = "a side becomes (side + 2 padding - kernel) / stride + 1, rounded down";
            return checker.typing.fail(Diagnostic::error("E0514", call.span, message).hint(hint));
        }
        None => {
            let message =
                format!("expected a window that fits into {} x {}, found {height} x {width}", from[1], from[2]);
            let hint = match is_turned(from) {
                true => {
                    let [height, width, channels] = from;
                    format!("the channels stand first: `{}[{channels}, {height}, {width}]`", source.name.name)
                }
                false => "make it smaller".into(),
            };
            return checker.typing.fail(Diagnostic::error("E0514", call.span, message).hint(hint));
        }
    }
    Some(if pool { Connectivity::Pool(window) } else { Connectivity::Convolution(window) })
}

/// Reports an option that is neither a kind of connectivity nor a synapse.
pub(super) fn unknown(checker: &mut Checker, call: &Call) {
    let name = call.name.name.as_str();
    let words = ["bias", "delay", "init", "sign", "no_self", "frozen", "lr", "clip"];
    let message = format!("expected an option of a projection, found `{name}`");
    let near = match name {
        "all_to_all" | "full" | "fully_connected" | "linear" | "Linear" | "all" => Some("dense"),
        "Conv2d" | "conv2d" | "conv1d" | "convolution" => Some("conv"),
        "MaxPool2d" | "AvgPool2d" | "max_pool" | "avg_pool" | "average_pool" | "sum_pool" | "mean_pool" => Some("pool"),
        "sparse" | "probability" | "fixed_probability" | "pairwise_bernoulli" => Some("random"),
        "from_file" | "file" | "load" | "list" | "adjacency" | "matrix" | "connections" => {
            Some("edges(\"connections.npz\")")
        }
        _ => {
            let mut known: Vec<&str> = kinds().chain(words).collect();
            known.extend(checker.synapses.iter().map(|s| s.name.as_str()));
            known.extend(crate::library::synapse_names());
            closest(name, known.into_iter())
        }
    };
    let is_neuron = |neuron: &str| neuron == name;
    let diagnostic = Diagnostic::error("E0507", call.name.span, message).hint(match near {
        None if checker.neurons.iter().any(|c| is_neuron(&c.neuron.name))
            || crate::library::neuron_names().iter().any(|n| is_neuron(n)) =>
        {
            "it is a neuron, which belongs to a layer; `snn list` shows synapses, e.g. `Exponential(tau = 5 ms)`".into()
        }
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let kinds: Vec<&str> = kinds().collect();
            format!("the kinds are `{}`, and the options `{}`", kinds.join("`, `"), words.join("`, `"))
        }
    });
    checker.typing.diagnostics.push(diagnostic);
}
