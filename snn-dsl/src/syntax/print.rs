//! A syntax tree as text, in one layout and with no brackets that are not needed: for programs that make models.
//!
//! Parsing what [`print()`] has written gives the same tree again, apart from places. The tree has no comments and does not
//! know how a number was spelt; [`super::format()`] lays out a text that a person has written.

use super::tree::{
    Assign, AssignOp, BinaryOp, Call, Equation, Expr, ExprKind, File, Item, Let, NetworkStatement, NeuronStatement,
    Param, ProjectionOption, ProjectionOptionKind, Side, Spike, Surrogate, SynapseStatement, UnaryOp, ValueRange,
};
use crate::expr::number;
use std::fmt::Write;

/// The text of a tree. Constructs that are not supported yet become a comment, since the tree holds only their name.
pub fn print(file: &File) -> String {
    let items: Vec<String> = file.items.iter().map(item).collect();
    items.join("\n")
}

fn item(item: &Item) -> String {
    match item {
        Item::Neuron(neuron) => {
            let lines = neuron.statements.iter().map(neuron_statement);
            format!("{}neuron {} {}", docs(&neuron.docs, ""), neuron.name.name, block(lines))
        }
        Item::Synapse(synapse) => {
            let lines = synapse.statements.iter().map(synapse_statement);
            format!("{}synapse {} {}", docs(&synapse.docs, ""), synapse.name.name, block(lines))
        }
        Item::Network(network) => {
            let lines = network.statements.iter().map(network_statement);
            format!("{}network {} {}", docs(&network.docs, ""), network.name.name, block(lines))
        }
        Item::Surrogate(s) => surrogate(s),
        Item::Function(f) => {
            let arguments: Vec<&str> = f.arguments.iter().map(|a| a.name.as_str()).collect();
            let head = format!("{}fn {}({})", docs(&f.docs, ""), f.name.name, arguments.join(", "));
            format!("{head} = {}\n", expression(&f.body))
        }
        Item::Const(c) => format!("{}const {} = {}\n", docs(&c.docs, ""), c.name.name, expression(&c.value)),
        Item::Unsupported(what) => unsupported(&what.name) + "\n",
    }
}

fn synapse_statement(statement: &SynapseStatement) -> String {
    let port = |word: &str, port: &super::tree::Port| {
        let unit = port.unit.as_ref().map_or_else(String::new, |u| format!(" : {}", expression(u)));
        format!("{}{word} {}{unit}", docs(&port.docs, ""), port.name.name)
    };
    match statement {
        SynapseStatement::Common(common) => neuron_statement(common),
        SynapseStatement::Weight(weight) => port("weight", weight),
        SynapseStatement::Reads(Side::Pre, read) => port("reads pre", read),
        SynapseStatement::Reads(_, read) => port("reads", read),
        SynapseStatement::State(side, state) => {
            let word = match side {
                Side::Pre => "pre ",
                Side::Post => "",
                Side::Edge => "edge ",
            };
            let bare = super::tree::State { docs: Vec::new(), ..state.clone() };
            let text = neuron_statement(&NeuronStatement::State(bare));
            format!("{}{word}{text}", docs(&state.docs, ""))
        }
        SynapseStatement::Sum(sum, value) => format!("{} = {}", port("sum", sum), expression(value)),
        SynapseStatement::Output(value) => format!("output {}", expression(value)),
    }
}

fn unsupported(what: &str) -> String {
    format!("// not supported yet: {what}")
}

fn docs(lines: &[String], indent: &str) -> String {
    let line = |text: &String| if text.is_empty() { "///\n".into() } else { format!("/// {text}\n") };
    lines.iter().map(|text| format!("{indent}{}", line(text))).collect()
}

/// Lines of statements in braces. A statement that has documentation brings it along as lines of its own.
fn block(statements: impl Iterator<Item = String>) -> String {
    let mut text = String::from("{\n");
    for line in statements.collect::<Vec<_>>().iter().flat_map(|s| s.lines()) {
        let _ = writeln!(text, "    {line}");
    }
    text + "}\n"
}

fn neuron_statement(statement: &NeuronStatement) -> String {
    match statement {
        NeuronStatement::Param(param) => parameter(param),
        NeuronStatement::State(state) => {
            let initial = state.initial.as_ref().map_or_else(String::new, |e| format!(" = {}", expression(e)));
            format!("{}state {}{}{initial}", docs(&state.docs, ""), state.name.name, unit(&state.unit))
        }
        NeuronStatement::Event(port) => {
            format!("{}event {}{}", docs(&port.docs, ""), port.name.name, unit(&port.unit))
        }
        NeuronStatement::Drive(port) => {
            format!("{}drive {}{}", docs(&port.docs, ""), port.name.name, unit(&port.unit))
        }
        NeuronStatement::Let(line) => named("let ", line),
        NeuronStatement::Equation(equation) => self::equation(equation),
        NeuronStatement::On(on) => format!("on {}{}", on.port.name, assignments(&on.body, true)),
        NeuronStatement::Spike(spike) => threshold(spike),
        NeuronStatement::Refractory(refractory) => {
            let states: Vec<&str> = refractory.holding.iter().map(|s| s.name.as_str()).collect();
            let kept = if refractory.events_kept.is_some() { " events kept" } else { "" };
            format!("refractory {} holding {}{kept}", expression(&refractory.duration), states.join(", "))
        }
        NeuronStatement::Integrate(method) => format!("integrate {}", method.name),
        NeuronStatement::Unsupported(what) => unsupported(&what.name),
    }
}

fn parameter(param: &Param) -> String {
    let mut text = format!("{}param {} = {}", docs(&param.docs, ""), param.name.name, expression(&param.default));
    if let Some(bounds) = &param.range {
        let _ = write!(text, " in {}", range(bounds));
    }
    if param.trainable.is_some() {
        text.push_str(" trainable");
    }
    if param.per_neuron.is_some() {
        text.push_str(" per neuron");
    }
    text
}

fn unit(unit: &Option<Expr>) -> String {
    unit.as_ref().map_or_else(String::new, |e| format!(" : {}", expression(e)))
}

fn named(keyword: &str, line: &Let) -> String {
    format!("{keyword}{} = {}", line.name.name, expression(&line.value))
}

fn equation(equation: &Equation) -> String {
    let coefficient = match equation.coefficient.as_ref().map(|e| (&e.kind, expression(e))) {
        None => String::new(),
        // `2 dV` would be a number with a unit.
        Some((ExprKind::Number { unit: None, .. }, text)) => format!("{text} * "),
        Some((ExprKind::Number { .. } | ExprKind::Name(_), text)) => format!("{text} "),
        Some((_, text)) => format!("({text}) "),
    };
    format!("{coefficient}d{}/dt = {}", equation.state.name, expression(&equation.rhs))
}

/// A block of assignments; nothing if there are none and no block is needed.
fn assignments(list: &[Assign], required: bool) -> String {
    match list {
        [] if required => " {}".into(),
        [] => String::new(),
        [one] => format!(" {{ {} }}", assignment(one)),
        _ => {
            let lines: String = list.iter().map(|a| format!("    {}\n", assignment(a))).collect();
            format!(" {{\n{lines}}}")
        }
    }
}

fn assignment(assign: &Assign) -> String {
    let sign = match assign.op {
        AssignOp::Set => "=",
        AssignOp::Add => "+=",
        AssignOp::Subtract => "-=",
        AssignOp::Multiply => "*=",
    };
    format!("{} {sign} {}", assign.target.name, expression(&assign.value))
}

fn threshold(spike: &Spike) -> String {
    let name = spike.name.as_ref().map_or_else(String::new, |n| format!("{} ", n.name));
    let mut text = format!("spike {name}when {}", expression(&spike.condition));
    if let Some(surrogate) = &spike.surrogate {
        let _ = write!(text, " surrogate {}", callable(surrogate));
    }
    if let Some(scale) = &spike.scale {
        let detached = if spike.scale_detached.is_some() { "detached " } else { "" };
        let _ = write!(text, " scale {detached}{}", operand(scale, Level::Atom));
    }
    let reset = [(spike.reset_detached, " detached"), (spike.reset_next_step, " next_step")];
    if reset.iter().any(|(word, _)| word.is_some()) {
        text.push_str(" reset");
        text.extend(reset.iter().filter(|(word, _)| word.is_some()).map(|(_, word)| *word));
    }
    text + &assignments(&spike.reset, false)
}

fn surrogate(s: &Surrogate) -> String {
    let parameters: Vec<String> = s.parameters.iter().map(|p| named("", p)).collect();
    let parameters = if parameters.is_empty() { String::new() } else { format!("({})", parameters.join(", ")) };
    let lets = s.lets.iter().map(|line| named("let ", line));
    let parts = [("derivative", &s.derivative), ("primitive", &s.primitive), ("support", &s.support)];
    let parts = parts.into_iter().filter_map(|(word, e)| Some(format!("{word} = {}", expression(e.as_ref()?))));
    format!("{}surrogate {}{parameters} {}", docs(&s.docs, ""), s.name.name, block(lets.chain(parts)))
}

fn network_statement(statement: &NetworkStatement) -> String {
    match statement {
        NetworkStatement::Simulate(s) => {
            format!("simulate dt = {}, for {}", expression(&s.dt), expression(&s.duration))
        }
        NetworkStatement::Input(i) => format!("input {}[{}] {}", i.name.name, sides(&i.shape), i.kind.name),
        NetworkStatement::Target(t) => {
            let over_time = if t.over_time { " over time" } else { "" };
            format!("target {} : {}[{}]{over_time}", t.name.name, t.kind.name, expression(&t.size))
        }
        NetworkStatement::Layer(l) => {
            let dropout = l.dropout.as_ref().map(|p| format!(", dropout {}", expression(p))).unwrap_or_default();
            format!("layer {}[{}] = {}{dropout}", l.name.name, sides(&l.shape), callable(&l.model))
        }
        NetworkStatement::Projection(p) => {
            let options: Vec<String> = p.options.iter().map(option).collect();
            let options = if options.is_empty() { String::new() } else { format!(" : {}", options.join(", ")) };
            let part = |part: &Option<ValueRange>| part.as_ref().map_or(String::new(), |r| format!("[{}]", range(r)));
            let signal = p.signal.as_ref().map_or(String::new(), |s| format!(".{}", s.name));
            let source = format!("{}{}{signal}", p.source.name, part(&p.sources));
            format!("{source} -> {}{}.{}{options}", p.target.name, part(&p.targets), p.port.name)
        }
        NetworkStatement::Let(line) => named("let ", line),
        NetworkStatement::Loss(loss) => format!("loss {}", expression(&loss.value)),
        NetworkStatement::Readout(line) => named("readout ", line),
        NetworkStatement::Unsupported(what) => unsupported(&what.name),
    }
}

fn sides(shape: &[Expr]) -> String {
    shape.iter().map(expression).collect::<Vec<_>>().join(", ")
}

fn option(option: &ProjectionOption) -> String {
    match &option.kind {
        ProjectionOptionKind::Connectivity(call) => callable(call),
        ProjectionOptionKind::Edges(file) => format!("edges(\"{}\")", file.name),
        ProjectionOptionKind::Bias => "bias".into(),
        ProjectionOptionKind::Delay(e) => format!("delay {}", expression(e)),
        ProjectionOptionKind::Init(call) => format!("init {}", callable(call)),
        ProjectionOptionKind::Sign(positive) => format!("sign {}", if *positive { '+' } else { '-' }),
        ProjectionOptionKind::NoSelf => "no_self".into(),
        ProjectionOptionKind::Frozen => "frozen".into(),
        ProjectionOptionKind::LearningRate(e) => format!("lr x {}", expression(e)),
        ProjectionOptionKind::Clip(bounds) => format!("clip {}", range(bounds)),
    }
}

fn range(range: &ValueRange) -> String {
    match (range.low.as_ref().map(expression), range.high.as_ref().map(expression)) {
        (Some(low), Some(high)) => format!("{low} .. {high}"),
        (Some(low), None) => format!("{low} .."),
        (None, Some(high)) => format!(".. {high}"),
        (None, None) => "..".into(),
    }
}

/// A call whose brackets may be left out.
fn callable(call: &Call) -> String {
    if call.arguments.is_empty() { call.name.name.clone() } else { self::call(call) }
}

fn call(call: &Call) -> String {
    let argument = |a: &super::tree::Argument| {
        let name = a.name.as_ref().map_or_else(String::new, |n| format!("{} = ", n.name));
        name + &expression(&a.value)
    };
    let arguments: Vec<String> = call.arguments.iter().map(argument).collect();
    format!("{}({})", call.name.name, arguments.join(", "))
}

/// How tightly an expression holds together, as the table of operators says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Choice,
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Sign,
    Power,
    Atom,
}

fn level(e: &Expr) -> Level {
    match &e.kind {
        ExprKind::Number { .. } | ExprKind::Name(_) | ExprKind::Field(..) | ExprKind::Call(_) => Level::Atom,
        ExprKind::If(..) => Level::Choice,
        ExprKind::Unary(UnaryOp::Negate, _) => Level::Sign,
        ExprKind::Unary(UnaryOp::Not, _) => Level::Not,
        ExprKind::Binary(op, ..) => match op {
            BinaryOp::Add | BinaryOp::Subtract => Level::Sum,
            BinaryOp::Multiply | BinaryOp::Divide => Level::Product,
            BinaryOp::Power => Level::Power,
            BinaryOp::And => Level::And,
            BinaryOp::Or => Level::Or,
            _ => Level::Compare,
        },
    }
}

/// An expression that has to hold together at least that tightly, in brackets if it does not.
fn operand(e: &Expr, least: Level) -> String {
    if level(e) < least { format!("({})", expression(e)) } else { expression(e) }
}

/// The text of an expression.
pub fn expression(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Number { value, unit } => match unit {
            None => number(*value),
            Some((unit, 1)) => format!("{} {}", number(*value), unit.name),
            Some((unit, power)) => format!("{} {}^{power}", number(*value), unit.name),
        },
        ExprKind::Name(name) => name.clone(),
        ExprKind::Field(a, b) => format!("{}.{}", a.name, b.name),
        ExprKind::Call(c) => call(c),
        ExprKind::Unary(UnaryOp::Negate, a) => format!("-{}", operand(a, Level::Sign)),
        ExprKind::Unary(UnaryOp::Not, a) => format!("not {}", operand(a, Level::Not)),
        ExprKind::Binary(op, a, b) => binary(*op, a, b),
        ExprKind::If(c, a, b) => {
            let otherwise = match &b.kind {
                ExprKind::If(..) => expression(b),
                _ => format!("{{ {} }}", expression(b)),
            };
            format!("if {} {{ {} }} else {otherwise}", expression(c), expression(a))
        }
    }
}

fn binary(op: BinaryOp, a: &Expr, b: &Expr) -> String {
    // What the left and the right operand need: operators of one level group from the left, `^` from the right.
    let (sign, left, right) = match op {
        BinaryOp::Add => (" + ", Level::Sum, Level::Product),
        BinaryOp::Subtract => (" - ", Level::Sum, Level::Product),
        BinaryOp::Multiply => ("*", Level::Product, Level::Sign),
        BinaryOp::Divide => ("/", Level::Product, Level::Sign),
        BinaryOp::Power => ("^", Level::Atom, Level::Sign),
        BinaryOp::GreaterEqual => (" >= ", Level::Sum, Level::Sum),
        BinaryOp::Greater => (" > ", Level::Sum, Level::Sum),
        BinaryOp::LessEqual => (" <= ", Level::Sum, Level::Sum),
        BinaryOp::Less => (" < ", Level::Sum, Level::Sum),
        BinaryOp::Equal => (" == ", Level::Sum, Level::Sum),
        BinaryOp::NotEqual => (" != ", Level::Sum, Level::Sum),
        BinaryOp::And => (" and ", Level::And, Level::Not),
        BinaryOp::Or => (" or ", Level::Or, Level::And),
    };
    let first = match &a.kind {
        // `3 mV^2` would be three square millivolts.
        ExprKind::Number { unit: Some(_), .. } if op == BinaryOp::Power => format!("({})", expression(a)),
        _ if op == BinaryOp::Divide && matches!(b.kind, ExprKind::Name(_)) => before_name(a),
        _ => operand(a, left),
    };
    format!("{first}{sign}{}", operand(b, right))
}

/// What stands before `/NAME`. In `10 mV/s` the name may be a unit as well as a declared name, in `(10 mV)/s` not.
fn before_name(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Number { unit: Some(_), .. } => format!("({})", expression(e)),
        ExprKind::Binary(BinaryOp::Multiply, a, b) => format!("{}*{}", operand(a, Level::Product), before_name(b)),
        ExprKind::Binary(BinaryOp::Divide, a, b) if matches!(b.kind, ExprKind::Number { unit: Some(_), .. }) => {
            format!("{}/{}", operand(a, Level::Product), before_name(b))
        }
        _ => operand(e, Level::Product),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::print;
    use crate::diagnostic::Diagnostics;
    use crate::source::SourceMap;

    fn printed(text: &str) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add("model.snn", text, false);
        let mut diagnostics = Diagnostics::default();
        let tree = parse(&sources, file, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{text}: {:?}", diagnostics.into_sorted());
        print(&tree)
    }

    #[test]
    fn brackets_stand_where_they_are_needed() {
        for text in [
            "-(a + b)^2",
            "(-a)^2",
            "2^-1",
            "a^b^c",
            "(a^b)^c",
            "a - (b - c)",
            "a/(b*c)",
            "(3 mV)^2",
            "3 mV^2",
            "-a*b",
            "a*-b",
            "not (a and b)",
            "(not a) == b",
            "(if a { b } else { c }) + 1",
            "if a { b } else if c { d } else { e }",
            "(a or b) and c",
            "1e-5 + 1e22",
            "f(x = 1, y)",
            "a.V/mV",
            "(10 mV)/s",
            "a*(10 mV)/s*10 mV",
            "1/(10 mV)/s/s",
            "10/s",
            "-10 mV/s",
        ] {
            assert_eq!(printed(&format!("const it = {text}")), format!("const it = {text}\n"));
        }
        assert_eq!(printed("const it = ((a)*(b)) + (c)"), "const it = a*b + c\n");
    }

    #[test]
    fn printed_texts_print_alike() {
        let texts = crate::library::neuron_names().iter().filter_map(|n| crate::library::neuron(n));
        for (name, text) in
            texts.chain(crate::library::surrogate_names().iter().filter_map(|n| crate::library::surrogate(n)))
        {
            let once = printed(text);
            assert_eq!(once, printed(&once), "{name}");
            assert!(text.contains("///") && once.contains("///"), "{name} lost its documentation");
        }
    }
}
