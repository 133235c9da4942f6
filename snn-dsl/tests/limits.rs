//! What a text can demand of the compiler is bounded: no text takes long to check or overflows the stack, and what is
//! accepted can be explained and built. Every text here took the compiler minutes, or its life, before it was so; a
//! test that hangs or aborts has failed. Stacks are small, as those of threads are.

use snn_dsl::build::{Options, compile_source, format};
use snn_dsl::compile::compile;
use snn_dsl::diagnostic::{Style, json, render_all};
use snn_dsl::explain::explain;
use std::fmt::Write as _;

/// What became of a text.
struct Outcome {
    /// The codes of the diagnostics.
    codes: Vec<&'static str>,
    /// Their messages.
    messages: Vec<String>,
    rendered: String,
    /// The derivation and the code, if the text is accepted.
    accepted: Option<(String, String)>,
}

impl Outcome {
    fn count(&self, code: &str) -> usize {
        self.codes.iter().filter(|c| **c == code).count()
    }

    fn texts(&self) -> &(String, String) {
        self.accepted.as_ref().unwrap_or_else(|| panic!("{}", self.rendered))
    }
}

/// Checks, explains and builds in a thread with a stack of 2 MB.
fn run(text: impl Into<String>) -> Outcome {
    outcome(text.into(), true)
}

/// The same without the code.
fn explained(text: impl Into<String>) -> Outcome {
    outcome(text.into(), false)
}

fn outcome(text: String, builds: bool) -> Outcome {
    let work = move || {
        let compilation = compile("test.snn", &text);
        let diagnostics = &compilation.diagnostics;
        let rendered = render_all(&compilation.sources, diagnostics, Style::Plain);
        assert!(json(&compilation.sources, diagnostics).starts_with('['));
        let accepted = compilation.model.as_ref().map(|model| {
            let code = || compile_source("test.snn", &text, &Options::default()).unwrap().code.unwrap();
            (explain(model), if builds { format(&code()).unwrap() } else { String::new() })
        });
        let messages = diagnostics.iter().map(|d| d.message.clone()).collect();
        Outcome { codes: diagnostics.iter().map(|d| d.code).collect(), messages, rendered, accepted }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap()
}

/// A neuron with one state that reads `rate`, which may read V, behind the given lines.
fn neuron(lines: &str, rate: &str) -> String {
    format!(
        "neuron N {{\n    param tau = 20 ms\n    state V\n    state u\n    event e\n{lines}\n    tau dV/dt = -V + u\n    \
         tau du/dt = -u + {rate}\n    on e {{ V += e }}\n    spike when V >= 1 surrogate sigmoid(alpha = 4) {{ V = 0 }}\n    \
         integrate exponential_euler\n}}\nnetwork Net {{\n    simulate dt = 1 ms, for 10 ms\n    input x[3] spikes\n    \
         layer out[2] = N\n    x -> out.e : dense\n    target y : class[2]\n    loss cross_entropy(out.V, y)\n}}\n"
    )
}

fn repeated(n: usize, line: impl Fn(usize) -> String) -> String {
    (0..n).map(line).collect()
}

fn nested(n: usize, start: &str, wrap: impl Fn(&str) -> String) -> String {
    (0..n).fold(start.to_string(), |inner, _| wrap(&inner))
}

#[test]
fn shared_expressions_are_not_written_out() {
    for (levels, wrap) in [(12, "(S+1)^4"), (40, "max(S, V*S)"), (30, "if S > 1 { S*S } else { S }")] {
        let mut lines = String::from("    let a0 = V + 1\n");
        for k in 1..=levels {
            _ = writeln!(lines, "    let a{k} = {}", wrap.replace('S', &format!("a{}", k - 1)));
        }
        let outcome = run(neuron(&lines, &format!("a{levels}")));
        let (derivation, code) = outcome.texts();
        assert!(derivation.len() < 100_000 && code.len() < 300_000, "{} {}", derivation.len(), code.len());
    }
}

#[test]
fn derivatives_of_shared_expressions_are_not_written_out() {
    for line in ["sin(A) + cos(A)", "exp(A/9) + sin(A)", "if A > 1 { exp(-A) } else { 0 }"] {
        let lines = repeated(20, |k| format!("    let a{} = {}\n", k + 1, line.replace('A', &format!("a{k}"))));
        let chosen = "if V > 0 { a20 } else { 0 }";
        let outcome = run(neuron(&format!("    let a0 = exp(V/9)\n{lines}"), chosen));
        let (derivation, code) = outcome.texts();
        assert!(derivation.len() < 100_000 && code.len() < 300_000, "{} {}", derivation.len(), code.len());
        // The choice may stand below the chain, too.
        let outcome = run(neuron(&format!("    let a0 = if V > 0 {{ exp(V/9) }} else {{ 0 }}\n{lines}"), "a20"));
        assert!(outcome.texts().1.len() < 300_000, "{}", outcome.texts().1.len());
        let of_loss = lines.replace('V', "out.V");
        let loss =
            format!("    let a0 = exp(out.V/9)\n{of_loss}    loss mean_n(mean_t({}))", &chosen.replace('V', "out.V"));
        let outcome = run(neuron("", "V").replace("    loss cross_entropy(out.V, y)", &loss));
        assert!(outcome.texts().1.len() < 300_000, "{}", outcome.texts().1.len());
    }
}

#[test]
fn what_repeats_gets_a_name() {
    let function = "fn f(x) = (x*x + 1)^4 + exp(x*x)\n";
    let calls = nested(9, "V", |inner| format!("f({inner})"));
    let outcome = run(format!("{function}{}", neuron("", &calls)));
    let (derivation, code) = outcome.texts();
    assert!(derivation.contains("\n    s1 = "), "{derivation}");
    assert!(derivation.len() < 100_000 && code.len() < 300_000, "{} {}", derivation.len(), code.len());
}

#[test]
fn deep_expressions_overflow_no_stack() {
    let sum = "+u".repeat(900);
    let text = format!(
        "fn f(x, u) = x{sum}\nfn g(x, u) = {}\n{}",
        nested(8, "x", |inner| format!("f({inner}, u)")),
        neuron("", "g(u*V, V*u)")
    );
    assert!(run(text).accepted.is_some());
    // Assignments build on each other without any call.
    let lines = repeated(500, |k| {
        format!("    let b{k} = {} + V*V\n", if k == 0 { "V".into() } else { format!("b{}", k - 1) })
    });
    assert!(run(neuron(&lines, "exp(b499)")).accepted.is_some());
    let body = repeated(700, |_| "V = exp(V)*u; u += V; ".into());
    let text = neuron("", "V").replace("V += e", &format!("{body}V += e"));
    assert!(run(text).accepted.is_some());
    let text = neuron("", "V").replace("V = 0 }", &format!("{body}V = 0 }}"));
    assert!(run(text).accepted.is_some());
}

#[test]
fn deep_calls_overflow_no_stack() {
    // Every way to nest, as deep as the checker goes.
    for body in ["C", "clip(C, -x, x)", "pow(C, 2)", "-(C*(C - 1))^2", "if C > C { C } else { x }", "sqrt(abs(C))"] {
        let chain = repeated(200, |k| format!("fn f{k}(x) = {}\n", body.replace('C', &format!("f{}(x)", k + 1))));
        let outcome = run(format!("{chain}fn f200(x) = x + 1\n{}", neuron("", "f0(V)")));
        assert!(outcome.count("E0311") >= 1 && outcome.accepted.is_none(), "{}", outcome.rendered);
    }
    let brackets = nested(60, "V", |inner| format!("(1 + {inner})^2"));
    assert!(run(neuron("", &brackets)).accepted.is_some());
    let choices = nested(40, "V", |inner| format!("if {inner} > 1 {{ 2 }} else {{ V }}"));
    assert!(run(neuron("", &choices)).accepted.is_some());
}

#[test]
fn a_refractory_period_may_be_long() {
    let lines = format!("    refractory tau{} holding V\n", "+tau".repeat(900));
    assert!(run(neuron(&lines, "V")).accepted.is_some());
}

#[test]
fn calls_have_a_budget() {
    let text = format!(
        "fn f(x) = x{}\nfn g(x) = {}\nfn h(x) = {}\nconst a = h(1)\nconst b = h(2)\n{}",
        "+x".repeat(900),
        "f(x)".to_string() + &"+f(x)".repeat(389),
        "g(x)".to_string() + &"+g(x)".repeat(59),
        neuron("", "V")
    );
    let outcome = run(text);
    assert_eq!(outcome.codes, ["E0311"], "{}", outcome.rendered);
    // Doubling thirty times.
    let doubling = repeated(30, |k| format!("fn f{}(x) = f{k}(x) + f{k}(x)\n", k + 1));
    let outcome = run(format!("fn f0(x) = x + 1\n{doubling}{}", neuron("", "f30(V)")));
    assert_eq!(outcome.codes, ["E0311"], "{}", outcome.rendered);
}

#[test]
fn a_neuron_has_an_upper_size() {
    let parts = repeated(26, |k| format!("    let a{k} = V*{k}.5{}\n", repeated(450, |i| format!("+{i}.{k}1*V"))));
    let outcome = run(neuron(&parts, &format!("a0{}", repeated(25, |k| format!("+a{}", k + 1)))));
    assert_eq!(outcome.codes, ["E0311"], "{}", outcome.rendered);
    for what in ["    param p{} = 1\n", "    state p{}\n", "    event p{}\n", "    drive p{}\n", "    let p{} = V\n"] {
        let outcome = run(neuron(&repeated(70_000, |k| what.replace("{}", &k.to_string())), "V"));
        assert_eq!(outcome.codes, ["E0311"], "{}", outcome.rendered);
        assert!(outcome.messages[0].contains("at most 1000 declarations"), "{}", outcome.messages[0]);
    }
}

#[test]
fn large_lets_may_be_used_often() {
    let large = format!("    let a = V{}\n", repeated(450, |i| format!("+{i}.5*u")));
    let states = repeated(150, |k| format!("    state v{k}\n    dv{k}/dt = a/tau - v{k}/tau\n"));
    let outcome = run(neuron(&format!("{large}{states}"), "a"));
    assert!(outcome.codes.iter().all(|c| *c == "W0401"), "{}", outcome.rendered);
    assert!(outcome.accepted.is_some());
}

#[test]
fn names_are_looked_up_once() {
    let ports = repeated(400, |k| format!("    event p{k}\n    on p{k} {{ V += p{k} }}\n"));
    let states = repeated(400, |k| format!("    state v{k} = {k}.5*tau/(1 ms)\n    tau dv{k}/dt = -v{k}\n"));
    assert!(run(neuron(&format!("{ports}{states}"), "V")).accepted.is_some());
    let wrong = repeated(900, |k| format!("    param q{k} = 1\n    on w{k} {{ z{k} = r{k} }}\n"));
    let outcome = run(neuron(&wrong, "V"));
    assert_eq!(outcome.count("E0408"), 900);
}

#[test]
fn coefficients_are_numbered_in_linear_time() {
    let parts =
        repeated(8, |k| format!("    let a{k} = 0{}\n", repeated(150, |i| format!("+V*exp(tau/({k}{i}.5 ms))"))));
    let outcome = run(neuron(&parts, "a0+a1+a2+a3+a4+a5+a6+a7"));
    assert!(outcome.texts().1.contains("c_k1000"));
}

#[test]
fn layers_are_ordered_in_linear_time() {
    let n = 6000;
    let layers = repeated(n, |k| format!("    layer l{}[1] = N\n", n - 1 - k));
    let chain = repeated(n - 1, |k| format!("    l{k} -> l{}.e : dense\n", k + 1));
    let text = neuron("", "V").replace("    x -> out", &format!("{layers}{chain}    x -> out"));
    assert!(compile("", &text).model.is_some());
    // A ring and many pairs that send to each other.
    let ring = text.replace("    x -> out", &format!("    l{} -> l0.e : dense\n    x -> out", n - 1));
    let outcome = run(ring);
    assert_eq!(outcome.codes, ["E0509"]);
    assert!(outcome.messages[0].len() < 500, "{}", outcome.messages[0]);
    let back = repeated(n / 2, |k| format!("    l{} -> l{}.e : dense\n", 2 * k + 1, 2 * k));
    let outcome = run(text.replace("    x -> out", &format!("{back}    x -> out")));
    assert!(outcome.count("E0509") >= 100);
}

#[test]
fn functions_call_in_long_chains() {
    let chain = repeated(3000, |k| format!("fn f{k}(x) = f{}(x)\n", k + 1));
    let outcome = run(format!("{chain}fn f3000(x) = x\n{}", neuron("", "V")));
    assert!(outcome.accepted.is_some());
    let outcome = run(format!("{chain}fn f3000(x) = f0(x)\n{}", neuron("", "f7(V)")));
    assert_eq!(outcome.codes, ["E0207"]);
    assert!(outcome.messages[0].len() < 500, "{}", outcome.messages[0]);
}

#[test]
fn many_mistakes_are_cut_short() {
    for separator in ["; ", "\n"] {
        let outcome = run(format!("neuron N {{ {} }}", repeated(6000, |_| format!("param 1{separator}"))));
        assert!(outcome.codes.len() >= 6000);
        assert!(outcome.rendered.ends_with("more errors\n\n"), "{}", outcome.rendered.len());
        assert!(outcome.rendered.len() < 200_000, "{}", outcome.rendered.len());
        let outcome = run(format!("neuron N {{ {} }}", repeated(900, |k| format!("let a{k} = b{k}{separator}"))));
        assert!(outcome.count("E0201") == 900);
    }
}

#[test]
fn names_near_many_unknown_ones_are_not_looked_for() {
    let known = repeated(2000, |k| format!("const name_{k} = {k}\n"));
    for line in [
        "const known_K = nime_K + 1\n",
        "fn f_K(x) = nime_K + x\n",
        "surrogate s_K { derivative = nime_K\n primitive = x }\n",
        "neuron N_K { state V\ndV/dt = (nime_K - V)/(1 ms) }\n",
        "network N_K { simulate dt = nime_K, for 1 ms }\n",
    ] {
        let text = known.clone() + &repeated(2000, |k| line.replace('K', &k.to_string()));
        let diagnostics = compile("", &text).diagnostics;
        let unknown = diagnostics.iter().filter(|d| d.code == "E0201");
        assert_eq!(unknown.count(), 2000, "{line}");
        let near = diagnostics.iter().filter(|d| d.hints.iter().any(|h| h.starts_with("did you mean")));
        let near = near.count();
        assert!((1..=100).contains(&near), "{line}: {near}");
    }
}

#[test]
fn comments_are_laid_out_in_linear_time() {
    let comments = repeated(50_000, |k| format!("// {k}\n\n"));
    let text = format!("{comments}neuron N{}\n{{\n    state V\n{comments}}}\n{comments}", "\n".repeat(50_000));
    let formatted = snn_dsl::syntax::format("test.snn", &text).unwrap();
    assert!(formatted.contains("\nneuron N {\n    state V\n    // 0\n\n"), "{}", formatted.len());
}

#[test]
fn sizes_agree_with_the_runtime() {
    let outcome = run(neuron("", "V").replace("for 10 ms", "for 268435457 ms"));
    assert_eq!(outcome.codes, ["E0502"]);
    assert!(compile("", &neuron("", "V").replace("for 10 ms", "for 268435456 ms")).model.is_some());
    let outcome = run(neuron("", "V").replace("input x[3]", "input x[1000000]").replace("out[2]", "out[1000000]"));
    assert_eq!(outcome.count("E0503"), 1);
    assert!(outcome.rendered.contains("from `x` to `out`"), "{}", outcome.rendered);
}

#[test]
fn a_mistake_in_a_function_is_reported_once() {
    let calls = repeated(40, |_| "+ f(V)".into());
    let outcome = run(format!("fn f(x) = x + 1 mV\n{}", neuron("", &format!("V {calls}"))));
    assert_eq!(outcome.codes, ["E0302"], "{}", outcome.rendered);
    assert!(outcome.rendered.contains("in this call of `f`"), "{}", outcome.rendered);
    // Through another function, and in two neurons.
    let two = neuron("", "g(V) + f(V)") + &neuron("", "f(V)").replace("neuron N", "neuron M").replace("Net", "Net2");
    let outcome = run(format!("fn f(x) = x + 1 mV\nfn g(x) = f(x) + f(x)\n{two}"));
    assert_eq!(outcome.codes, ["E0302"], "{}", outcome.rendered);
}

#[test]
fn windows_are_compared_by_their_steps() {
    let loss = |window: &str| run(neuron("", "V").replace("y)", &format!("y, {window}) + cross_entropy(out.V, y)")));
    for same in ["to = 10 ms", "from = 0 ms", "from = 0 ms, to = 10.2 ms/1.02"] {
        assert!(loss(same).accepted.is_some(), "{}", loss(same).rendered);
    }
    // Another window has other steps.
    assert_eq!(loss("from = 2 ms").codes, ["E0603"]);
    assert_eq!(loss("to = 9 ms").codes, ["E0603"]);
}

#[test]
fn losses_have_a_budget() {
    let large = format!("    let a = out.V{}\n", repeated(300, |i| format!("+{i}.5*out.u")));
    let losses = repeated(2000, |k| format!("    loss mean_n(mean_t(a*{k}.25))\n"));
    let text = neuron("", "V").replace("    loss", &format!("{large}{losses}    loss"));
    assert_eq!(run(text).codes, ["E0311"]);
    let losses = repeated(11_000, |k| format!("    loss mean_n(mean_t(out.V*{k}.25))\n"));
    let outcome = run(neuron("", "V").replace("    loss", &format!("{losses}    loss")));
    assert!(outcome.count("E0311") >= 1 && outcome.accepted.is_none());
}

#[test]
fn surrogates_and_layers_have_a_budget() {
    let surrogate =
        format!("surrogate s {{ derivative = 0{}\n primitive = x }}\n", repeated(400, |i| format!("+x/{i}.5")));
    let line = |k| {
        format!(
            "neuron M{k} {{\nstate V\ndV/dt = 0/ms\nintegrate exponential_euler\nspike when V >= 1 surrogate s {{ }}\n}}\n"
        )
    };
    let outcome = run(format!("{surrogate}{}{}", repeated(200, line), neuron("", "V")));
    assert!(outcome.count("E0311") >= 1, "{:?}", outcome.codes);
    assert!(outcome.codes.iter().all(|c| matches!(*c, "E0311" | "W0404")), "{:?}", outcome.codes);
}

#[test]
fn long_chains_and_rings_of_states_are_taken_apart_once() {
    let auto = |lines: &str, rate: &str| neuron(lines, rate).replace("integrate exponential_euler", "integrate auto");
    let states = repeated(900, |k| format!("    state v{k}\n"));
    let link = |k: usize, read: &str| format!("    tau dv{k}/dt = {read} - v{k}\n");
    let chain = repeated(899, |k| link(k + 1, &format!("v{k}")));
    for first in ["0", "v899", "V"] {
        let outcome = explained(auto(&format!("{states}{chain}{}", link(0, first)), "v899"));
        assert!(outcome.texts().0.contains("more states are coupled"), "{}", outcome.rendered);
    }
    // Each is read by the next one as a factor, so that what is excluded makes the next one change from step to step.
    let factors = repeated(899, |k| format!("    tau dv{}/dt = -v{}*(1 + v{k})\n", k + 1, k + 1));
    assert!(explained(auto(&format!("{states}{factors}{}", link(0, "V")), "v899")).accepted.is_some());
    // All of them in one sum, by closed formulas, and every one in the equation of every other.
    let sum = repeated(600, |k| format!("{}v{k}", if k == 0 { "" } else { "+" }));
    let states = repeated(600, |k| format!("    state v{k}\n"));
    let alone = repeated(600, |k| format!("    (tau*{k}.5) dv{k}/dt = -v{k}\n"));
    let reader = "    state w\n    tau dw/dt = a - w\n";
    let outcome = explained(auto(&format!("{states}{reader}    let a = {sum}\n{alone}"), "w*u"));
    assert!(outcome.texts().0.contains("solved by closed formulas"), "{}", outcome.rendered);
    let dense = repeated(300, |k| format!("    state v{k}\n{}", link(k, &format!("a*{k}.25"))));
    let sum = repeated(300, |k| format!("{}v{k}", if k == 0 { "" } else { "+" }));
    let outcome = explained(auto(&format!("    let a = {sum}\n{dense}"), "a"));
    assert!(outcome.texts().0.contains("more states are coupled"), "{}", outcome.rendered);
}

#[test]
fn matrix_exponentials_are_looked_through_once() {
    let chains = repeated(5, |c| {
        repeated(32, |k| {
            let read = if k == 0 { "0".into() } else { format!("v{c}_{}", k - 1) };
            format!("    state v{c}_{k}\n    (tau*{c}.5) dv{c}_{k}/dt = {read} - v{c}_{k}*k\n")
        })
    });
    let text = neuron(&format!("    param k = 1 trainable\n{chains}"), "V");
    let outcome = explained(text.replace("integrate exponential_euler", "integrate auto"));
    assert!(outcome.texts().0.contains("a matrix exponential"), "{}", outcome.rendered);
}

#[test]
fn quotients_by_exponentials_are_looked_at_once() {
    // As a sum of lets that share what they divide, and as large products.
    let rates = repeated(300, |k| format!("    let r{k} = (V - {k}.5)/(exp((V - {k}.5)/{k}.25) - 1)*u\n"));
    let sum = repeated(300, |k| format!("{}r{k}", if k == 0 { "" } else { "+" }));
    let outcome = explained(neuron(&rates, &sum));
    assert!(outcome.codes.is_empty(), "{}", outcome.rendered);
    let product = |n: usize, x: &str| {
        let factors = |f: &dyn Fn(usize) -> String| (0..n).map(f).collect::<Vec<_>>().join("*");
        format!("{}/({})", factors(&|k| format!("({x} - {k}.5)")), factors(&|k| format!("(exp({x} - {k}.5) - 1)")))
    };
    let outcome = explained(neuron("", &product(30, "V")));
    assert!(outcome.codes.is_empty(), "{}", outcome.rendered);
    let lets = repeated(100, |k| format!("    let p{k} = {}*{k}.5\n", product(12, &format!("(V*{k}.5)"))));
    let shared = repeated(100, |k| format!("{}p{k}*p{}", if k == 0 { "" } else { "+" }, 99 - k));
    assert!(explained(neuron(&lets, &shared)).accepted.is_some());
    // More factors than are looked at.
    let parts = repeated(4, |k| {
        let [above, below] =
            product(20, &format!("V*{k}.5")).split_once('/').map(|(a, b)| [a.into(), b.to_string()]).unwrap();
        format!("    let n{k} = {above}\n    let d{k} = {below}\n")
    });
    let outcome = explained(neuron(&parts, "n0*n1*n2*n3/(d0*d1*d2*d3)"));
    assert_eq!(outcome.codes, ["W0408"]);
}

#[test]
fn doubtful_divisors_are_looked_for_once() {
    let chosen = repeated(200, |k| format!("    let c{k} = if V > {k}.5 {{ 1/(V - {k}.5) }} else {{ 0 }}\n"));
    let sum = repeated(200, |k| format!("+c{k}"));
    let large = format!("    let a = 1{}\n", repeated(100, |k| format!("+V*{k}.5/(u + {k}.5)")));
    let states = repeated(100, |k| format!("    state v{k}\n    tau dv{k}/dt = a - v{k}\n"));
    let outcome = explained(neuron(&format!("{large}{chosen}{states}"), &format!("V{sum}")));
    assert_eq!(outcome.count("W0408"), 100, "{}", outcome.rendered);
    // What is shown of a divisor is short.
    let outcome = explained(neuron("", &format!("1/(V{})", repeated(200, |k| format!("+{k}.5*u")))));
    assert_eq!(outcome.codes, ["W0408"]);
    let label = outcome.rendered.split("it divides by ").nth(1).and_then(|text| text.lines().next()).unwrap();
    assert!(label.len() < 100 && label.ends_with("..."), "{label}");
    // For each of many layers with values of their own.
    let large = format!("    param c = 1\n    let a = 1{}\n", repeated(100, |k| format!("+1/(c + V^2 + {k}.5)")));
    let layers = repeated(3000, |k| format!("    layer l{k}[1] = N(c = -{k}.25)\n    x -> l{k}.e : dense\n"));
    let text = neuron(&large, "a").replace("    x -> out", &format!("{layers}    x -> out"));
    let diagnostics = compile("", &text).diagnostics;
    assert!(diagnostics.iter().filter(|d| d.code == "W0408").count() > 100);
}
