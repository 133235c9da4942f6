//! Layout: what changes, what stays, and that nothing else does.

use super::format;

fn formatted(text: &str) -> String {
    let once = format("model.snn", text).unwrap_or_else(|c| panic!("{text}\n{:?}", c.diagnostics));
    let again = format("model.snn", &once).unwrap_or_else(|c| panic!("{once}\n{:?}", c.diagnostics));
    assert_eq!(once, again);
    once
}

#[test]
fn spaces_and_columns() {
    let text = "
/// A cell.
neuron   A{
param tau=20 ms in 1 ms..200 ms trainable   // a time


  param R = - 10 MOhm
    /// Drawn for each
    param weight=uniform( 1 , 2 )  per neuron
  param V_th = 1 mV trainable
  event e:nA ; drive u
  state I : nA=0 nA
  state long_name : mV

  tau dI / dt=-I*-2 - R * (I+u)/ 2^ - 1
     + not_a_call (3)
  ( 2*tau )  dV/dt  = if a>=b and not(c) {1} else {-x}
  on e{I+=e;}
  spike when V>=V_th surrogate s( alpha=4 ) scale( V_th ) {V-=1 mV
  I = 0 nA }
}
network N {
 simulate dt=1 ms,for 10 ms
 input x[3] spikes
 layer hidden[ 2*n ]=A( tau=1 ms )
 x->hidden.e:dense,sign -,no_self, clip  0..1
 hidden->hidden.e : dense // back
 loss -a.V/mV
}";
    let expected = "/// A cell.
neuron A {
    param tau = 20 ms  in 1 ms .. 200 ms  trainable  // a time

    param R      = -10 MOhm
    /// Drawn for each
    param weight = uniform(1, 2)  per neuron
    param V_th   = 1 mV           trainable
    event e : nA; drive u
    state I         : nA = 0 nA
    state long_name : mV

    tau dI/dt = -I*-2 - R * (I + u) / 2^-1
        + not_a_call(3)
    (2*tau) dV/dt = if a >= b and not (c) { 1 } else { -x }
    on e { I += e }
    spike when V >= V_th surrogate s(alpha = 4) scale (V_th) {
        V -= 1 mV
        I = 0 nA
    }
}
network N {
    simulate dt = 1 ms, for 10 ms
    input x[3] spikes
    layer hidden[2*n] = A(tau = 1 ms)
    x      -> hidden.e : dense, sign -, no_self, clip 0 .. 1
    hidden -> hidden.e : dense  // back
    loss -a.V/mV
}
";
    assert_eq!(formatted(text), expected);
}

#[test]
fn comments_keep_their_place() {
    let text = "// file

neuron A   // of a brace
{ // of a block
    // inside
    param a = 1 // x
    param bcd = 2     // y
    let c = max(a, // in brackets
    bcd) /// no documentation

    // last
} // behind
// end";
    let expected = "// file

neuron A  // of a brace
{         // of a block
    // inside
    param a   = 1   // x
    param bcd = 2   // y
    let c = max(a,  // in brackets
        bcd)  /// no documentation

    // last
}  // behind
// end
";
    assert_eq!(formatted(text), expected);
}

#[test]
fn braces_on_lines_of_their_own_move_up() {
    let text = "neuron A\n{\n  on e\n  {\n  V += e\n  }\n}\nsurrogate s(a = 1)\n{ derivative = a }\n";
    let expected = "neuron A {\n    on e {\n        V += e\n    }\n}\nsurrogate s(a = 1) { derivative = a }\n";
    assert_eq!(formatted(text), expected);
}

/// `x` and `delay` open an expression only as words of an option.
#[test]
fn words_of_options_are_names_elsewhere() {
    let text = "
fn f(x,delay) = x  -1 + x*(delay -1)
surrogate s {
derivative = 1/(1+ x -2*x (x))
primitive = max(x,delay -1)
}
network N {
 a->b.e:delay -1 ms,lr x -2,lr x (2*n)
 a->b.e : dense,delay (2*d)
}";
    let expected = "fn f(x, delay) = x - 1 + x*(delay - 1)
surrogate s {
    derivative = 1/(1 + x - 2*x(x))
    primitive  = max(x, delay - 1)
}
network N {
    a -> b.e : delay -1 ms, lr x -2, lr x (2*n)
    a -> b.e : dense, delay (2*d)
}
";
    assert_eq!(formatted(text), expected);
}

#[test]
fn the_library_is_laid_out() {
    let neurons = crate::library::neuron_names().iter().filter_map(|n| crate::library::neuron(n));
    let surrogates = crate::library::surrogate_names().iter().filter_map(|n| crate::library::surrogate(n));
    for (name, text) in neurons.chain(surrogates) {
        assert_eq!(formatted(text), text, "{name}: run `snn fmt` on it");
    }
}

#[test]
fn a_text_with_mistakes_is_left_alone() {
    let compilation = format("model.snn", "neuron A {\n  tau dV/dt = (1 +\n}\n").unwrap_err();
    assert!(!compilation.diagnostics.is_empty() && compilation.model.is_none());
}
