//! The parser as a whole: precedence, places, recovery, and texts that nobody would write.

use super::parse;
use super::tree::{BinaryOp, Expr, ExprKind, File, Item, NeuronStatement, UnaryOp};
use crate::diagnostic::{Diagnostic, Diagnostics, Style, json, render_all};
use crate::source::SourceMap;

const MODEL: &str = "/// A cell
neuron LIF {
    param tau = 20 ms in 1 ms .. trainable per neuron // a comment
    event exc : nA; drive I_ext : nA
    state V : mV = V_rest
    let a = if V > 1e-3 mV and not b { 3 mV^2 } else if c { -x^2 } else { f(y, alpha = 1) }
    2 tau * dV/dt = -V +
        R*(exc + I_ext)
    on exc { V += exc }
    spike late when V >= 20mV surrogate sigmoid(alpha = 4) scale detached (V_th - V_rest) reset next_step { V -= 1 }
    refractory 2 ms holding V, I events kept
    integrate auto
}
surrogate box(w = 1) { let h = w/2; derivative = if abs(x) < h { 1 } else { 0 }; support = w }
fn double(a) = 2*a
const half = 0.5
network N {
    simulate dt = 1 ms, for 100 ms
    input pixel[784] spikes
    target label : class[10]
    layer hidden[256] = LIF(tau = 20 ms)
    pixel -> hidden.exc : dense, bias, delay 1 step, init normal(0, 0.1), sign +, lr x 0.1, clip 0 nA .. 1 nA
    loss cross_entropy(max_t(hidden.V / mV), label)
    readout activity = mean_t(hidden.spike)
}
";

fn read(text: &str) -> (File, Vec<Diagnostic>, SourceMap) {
    let mut sources = SourceMap::default();
    let file = sources.add("model.snn", text, false);
    let mut diagnostics = Diagnostics::default();
    let tree = parse(&sources, file, &mut diagnostics);
    (tree, diagnostics.into_sorted(), sources)
}

/// An expression with all its brackets.
fn full(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Number { value, unit: None } => format!("{value}"),
        ExprKind::Number { value, unit: Some((unit, power)) } => format!("{value}{}:{power}", unit.name),
        ExprKind::Name(name) => name.clone(),
        ExprKind::Field(a, b) => format!("{}.{}", a.name, b.name),
        ExprKind::Call(call) => {
            let list: Vec<String> = call.arguments.iter().map(|a| full(&a.value)).collect();
            format!("{}[{}]", call.name.name, list.join(", "))
        }
        ExprKind::Unary(op, a) => format!("({}{})", if *op == UnaryOp::Not { "not " } else { "-" }, full(a)),
        ExprKind::Binary(op, a, b) => {
            let sign = match op {
                BinaryOp::Add => "+",
                BinaryOp::Subtract => "-",
                BinaryOp::Multiply => "*",
                BinaryOp::Divide => "/",
                BinaryOp::Power => "^",
                BinaryOp::And => " and ",
                BinaryOp::Or => " or ",
                _ => "<",
            };
            format!("({}{sign}{})", full(a), full(b))
        }
        ExprKind::If(c, a, b) => format!("if {} then {} else {}", full(c), full(a), full(b)),
    }
}

fn value(text: &str) -> String {
    let (tree, diagnostics, _) = read(&format!("const it = {text}"));
    assert!(diagnostics.is_empty(), "{text}: {diagnostics:?}");
    match tree.items.as_slice() {
        [Item::Const(c)] => full(&c.value),
        other => panic!("{text}: {other:?}"),
    }
}

fn codes(text: &str) -> Vec<&'static str> {
    read(text).1.iter().map(|d| d.code).collect()
}

#[test]
fn precedence() {
    assert_eq!(value("-V^2"), "(-(V^2))");
    assert_eq!(value("a^b^c"), "(a^(b^c))");
    assert_eq!(value("2^-1"), "(2^(-1))");
    assert_eq!(value("2^-1*3"), "((2^(-1))*3)");
    assert_eq!(value("a - b - c"), "((a-b)-c)");
    assert_eq!(value("a/b*c"), "((a/b)*c)");
    assert_eq!(value("a + b*-c"), "(a+(b*(-c)))");
    assert_eq!(value("not a < b + 1 and c or d"), "(((not (a<(b+1))) and c) or d)");
    assert_eq!(value("(a + b)*c"), "((a+b)*c)");
    assert_eq!(value("if a { b } else if c { d } else { e }"), "if a then b else if c then d else e");
}

#[test]
fn numbers_and_units() {
    assert_eq!(value("10mV"), "10mV:1");
    assert_eq!(value("10 mV/ms"), "(10mV:1/ms)");
    assert_eq!(value("3 mV^2"), "3mV:2");
    assert_eq!(value("3 mV^-1"), "3mV:-1");
    assert_eq!(value("1_000 + 1e-3 + 2.5e2"), "((1000+0.001)+250)");
    assert_eq!(value("5 µs"), "5µs:1");
    assert_eq!(value("out.spike + out.V / mV"), "(out.spike+(out.V/mV))");
}

#[test]
fn everything_is_read() {
    let (tree, diagnostics, sources) = read(MODEL);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let [Item::Neuron(neuron), Item::Surrogate(_), Item::Function(_), Item::Const(_), Item::Network(network)] =
        tree.items.as_slice()
    else {
        panic!("{tree:?}")
    };
    assert_eq!(neuron.docs, ["A cell"]);
    assert_eq!((neuron.statements.len(), network.statements.len()), (10, 7));
    let Some(NeuronStatement::Equation(e)) = neuron.statements.get(5) else { panic!("{:?}", neuron.statements) };
    assert_eq!(e.coefficient.as_ref().map(full).as_deref(), Some("2tau:1"));
    assert_eq!((e.state.name.as_str(), sources.text(e.state.span)), ("V", "dV"));
    assert_eq!(sources.text(e.rhs.span), "-V +\n        R*(exc + I_ext)");
    let Some(NeuronStatement::Spike(s)) = neuron.statements.get(7) else { panic!("{:?}", neuron.statements) };
    assert_eq!(sources.text(s.condition.span), "V >= 20mV");
    assert_eq!(s.scale.as_ref().map(|e| sources.text(e.span)), Some("(V_th - V_rest)"));
    assert!(s.scale_detached.is_some() && s.reset_next_step.is_some() && s.reset_detached.is_none());
    assert_eq!(s.reset.len(), 1);
}

#[test]
fn a_let_of_a_name_with_d_is_no_equation() {
    let (tree, diagnostics, _) = read("neuron A {\n let dV = 3\n dV dV/dt = 1\n (a + b) * dV/dt = 1\n}");
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    let [Item::Neuron(neuron)] = tree.items.as_slice() else { panic!("{tree:?}") };
    assert!(matches!(
        neuron.statements.as_slice(),
        [NeuronStatement::Let(_), NeuronStatement::Equation(_), NeuronStatement::Equation(_)]
    ));
}

#[test]
fn one_run_reports_every_mistake() {
    let text = "neuron A {\n parm a = 1\n let b = c d\n let x = (1\n state V mV\n let y = 1 < 2 < 3\n}\nconst = 1";
    assert_eq!(codes(text), ["E0106", "E0110", "E0103", "E0110", "E0108", "E0110"]);
}

#[test]
fn extremes_are_errors_and_neither_slow_nor_deep() {
    let equation = |body: String| format!("neuron A {{\n dV/dt = {body}\n}}");
    assert_eq!(codes(&equation(format!("{}V", "-".repeat(1900)))), ["E0104"]);
    assert_eq!(codes(&equation(format!("{}V", "not V + ".repeat(600)))), ["E0104"]);
    let nested = format!("{}V{}", format!("{}(", "-".repeat(28)).repeat(60), ")".repeat(60));
    assert_eq!(codes(&equation(nested)), ["E0104"]);
    assert_eq!(codes(&equation(format!("{}V{}", "(".repeat(60), ")".repeat(60)))), [""; 0]);
    assert_eq!(codes(&equation(format!("{}V{}", "(".repeat(70), ")".repeat(70)))), ["E0104"]);
    assert_eq!(codes(&equation(format!("{}1", "1^".repeat(950)))), [""; 0]);
    assert_eq!(codes(&equation(format!("V{}", "+V".repeat(2000)))), ["E0105"]);
    // What is left of such a statement on other lines says nothing, and the next statement is read.
    let next = "\ntau dW/dt = @";
    let lines = |before: &str, middle: &str, after: &str| equation(format!("{before}\n{middle}\n\n{after}{next}"));
    assert_eq!(codes(&lines(&"(".repeat(70), "-V", &")".repeat(70))), ["E0104", "E0101"]);
    assert_eq!(codes(&lines("V", &"+V\n".repeat(2000), "+V")), ["E0105", "E0101"]);
    let choice = format!("if a {{ 1 }} {} else {{ 2 }}", "else if a { 3 }".repeat(280));
    assert_eq!(codes(&equation(choice)), [""; 0]);
    // A search through the rest of the text at every line would take minutes here.
    assert_eq!(codes(&format!("const a = ({}1)", "\n".repeat(100_000))), [""; 0]);
    assert_eq!(codes(&"neuron A {\n".repeat(5_000)).len(), 5_000);
    assert_eq!(codes(&format!("neuron A {{\n{}}}", "const a = 1\n".repeat(5_000))).len(), 5_000);
}

/// A generator of numbers of its own, so that a failure can be repeated.
struct Xorshift(u64);

impl Xorshift {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

#[test]
fn mutated_models_do_not_panic() {
    const PIECES: &[&str] = &[
        "{", "}", "(", ")", "[", "]", "\n", ";", ",", ".", "..", "->", "=", "-", "^", "µ", "Ω", "τ", "→", "'", "\"",
        "#", "//", "///", "1e", "1.", "if ", " else ", "not ", "dV/dt", "neuron ", "spike ", "\t", "\r\n", "\u{0}",
        "🙂", "e\u{301}",
    ];
    let mut random = Xorshift(0x9e37_79b9_7f4a_7c15);
    let original: Vec<char> = MODEL.chars().collect();
    for _ in 0..3_000 {
        // A window keeps the texts short and cuts them at any place.
        let start = random.below(original.len());
        let length = random.below(300);
        let mut text: Vec<char> = original.iter().copied().skip(start).take(length).collect();
        for _ in 0..random.below(6) {
            let at = random.below(text.len() + 1);
            match random.below(3) {
                0 => _ = text.drain(at..(at + random.below(8)).min(text.len())),
                1 => _ = text.splice(at..at, PIECES[random.below(PIECES.len())].chars()),
                _ => {
                    let from = random.below(original.len());
                    text.splice(at..at, original.iter().copied().skip(from).take(random.below(20)));
                }
            }
        }
        let text: String = text.into_iter().collect();
        let (_, diagnostics, sources) = read(&text);
        for diagnostic in &diagnostics {
            for label in &diagnostic.labels {
                let (from, to) = (label.span.start as usize, label.span.end as usize);
                assert!(text.get(from..to).is_some(), "{diagnostic:?}\n{text}");
            }
        }
        let shown = render_all(&sources, &diagnostics, Style::Plain);
        assert_eq!(shown.is_empty(), diagnostics.is_empty());
        assert!(json(&sources, &diagnostics).starts_with('['));
    }
}
