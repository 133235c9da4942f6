//! Quotients that are 0/0 at a point and finite around it: x/(exp(x) - 1) and its relatives, as rates of ion channels have
//! them. They are rewritten by exprel(x) = (exp(x) - 1)/x, which has no such point.

use super::polynomial::{Polynomials, Term, close};
use super::{Arena, ExprId, Function, Node, Operation, Table};

/// Products of more factors are left alone: shared ones have a number of factors that grows exponentially.
const FACTORS: usize = 64;

/// How many factors are compared, all in all. Who writes more quotients by exponentials keeps the rest as it is, and is
/// warned of it as of every divisor that may become 0.
const COMPARED: usize = 1_000_000;

/// A product: a number times expressions over expressions.
#[derive(Clone, Debug)]
struct Product {
    number: f64,
    above: Vec<ExprId>,
    below: Vec<ExprId>,
}

/// A side of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }
}

impl Product {
    fn side(&mut self, side: Side) -> &mut Vec<ExprId> {
        match side {
            Side::Above => &mut self.above,
            Side::Below => &mut self.below,
        }
    }

    /// Multiplies one side by a factor, or takes it from the other one.
    fn put(&mut self, side: Side, factor: ExprId) {
        match self.side(side.other()).iter().position(|&f| f == factor) {
            Some(place) => _ = self.side(side.other()).remove(place),
            None => self.side(side).push(factor),
        }
    }

    fn put_number(&mut self, side: Side, number: f64) {
        match side {
            Side::Above => self.number *= number,
            Side::Below => self.number /= number,
        }
    }

    fn put_term(&mut self, side: Side, term: &Term) {
        self.put_number(side, term.number);
        for &(factor, power) in &term.powers {
            let side = if power > 0 { side } else { side.other() };
            (0..power.abs()).for_each(|_| self.put(side, factor));
        }
    }
}

/// Rewrites the expressions of one arena; what several of them share is looked at once.
#[derive(Debug)]
pub(crate) struct Removable {
    done: Table<ExprId, ExprId>,
    forms: Polynomials,
    /// How many factors may still be compared.
    left: usize,
}

impl Default for Removable {
    fn default() -> Self {
        Self { done: Table::default(), forms: Polynomials::default(), left: COMPARED }
    }
}

impl Removable {
    /// The expression with `r u/(exp(u) - 1)` replaced by `r/exprel(u)` and `(exp(u) - 1)/(r u)` by `exprel(u)/r`, wherever
    /// the one side is seen to be a multiple of the other, as sums of products.
    pub(crate) fn removed(&mut self, arena: &mut Arena, root: ExprId) -> ExprId {
        let mut stack = vec![root];
        while let Some(&id) = stack.last() {
            if self.done.contains_key(&id) {
                stack.pop();
                continue;
            }
            // A product is looked at as a whole.
            let whole = arena.product(id).filter(|_| is_product(arena, id));
            let operands: Vec<ExprId> = match &whole {
                Some(product) => product.above.iter().chain(&product.below).copied().collect(),
                None => arena.children(id).collect(),
            };
            let open = stack.len();
            stack.extend(operands.into_iter().filter(|operand| !self.done.contains_key(operand)));
            if stack.len() > open {
                continue;
            }
            let new = match &whole {
                Some(_) => {
                    let rebuilt = self.product_rebuilt(arena, id);
                    self.product_removed(arena, rebuilt).unwrap_or(rebuilt)
                }
                None => self.rebuilt(arena, id),
            };
            self.done.insert(id, new);
            stack.pop();
        }
        self.done.get(&root).copied().unwrap_or(root)
    }

    fn rebuilt(&self, arena: &mut Arena, id: ExprId) -> ExprId {
        let new = |child: ExprId| self.done.get(&child).copied().unwrap_or(child);
        if arena.children(id).all(|child| new(child) == child) { id } else { arena.rebuild(id, new) }
    }

    /// A product of rewritten factors, in the form in which it was written.
    fn product_rebuilt(&self, arena: &mut Arena, root: ExprId) -> ExprId {
        let factor = |arena: &Arena, id: ExprId| id != root && !is_product(arena, id);
        let new = |id: ExprId| self.done.get(&id).copied().unwrap_or(id);
        let Some(product) = arena.product(root) else { return root };
        if product.above.iter().chain(&product.below).all(|&f| new(f) == f) {
            return root;
        }
        let mut inner: Table<ExprId, ExprId> = Table::default();
        let mut stack = vec![root];
        while let Some(&id) = stack.last() {
            if inner.contains_key(&id) {
                stack.pop();
                continue;
            }
            if factor(arena, id) {
                inner.insert(id, new(id));
                continue;
            }
            let missing: Vec<ExprId> = arena.children(id).filter(|child| !inner.contains_key(child)).collect();
            if missing.is_empty() {
                let rebuilt = arena.rebuild(id, |child| inner.get(&child).copied().unwrap_or(child));
                inner.insert(id, rebuilt);
            }
            stack.extend(missing);
        }
        inner.get(&root).copied().unwrap_or(root)
    }

    /// A product without its removable singularities, if it has some.
    fn product_removed(&mut self, arena: &mut Arena, id: ExprId) -> Option<ExprId> {
        let mut product = arena.product(id)?;
        let mut changed = false;
        while let Some(less) =
            [Side::Below, Side::Above].into_iter().find_map(|side| self.one_removed(arena, &product, side))
        {
            product = less;
            changed = true;
        }
        changed.then(|| arena.multiplied(&product))
    }

    /// The product with one factor exp(u) - 1 on that side replaced by exprel(u), where u could be divided out of the other
    /// side.
    fn one_removed(&mut self, arena: &mut Arena, product: &Product, side: Side) -> Option<Product> {
        let mut of_side = product.clone();
        for (k, factor) in of_side.side(side).clone().into_iter().enumerate() {
            let Some((scale, u)) = self.exponential_less_one(arena, factor) else { continue };
            let mut less = product.clone();
            less.side(side).remove(k);
            less.put_term(side, &scale);
            if self.divided_out(arena, &mut less, side.other(), u).is_some() {
                let exprel = arena.apply(Function::Exprel, u);
                less.side(side).push(exprel);
                return Some(less);
            }
            if let Some(both) = self.both_removed(arena, product, side, k, (&scale, u)) {
                return Some(both);
            }
        }
        None
    }

    /// The product with the factor number k on that side, `scale (exp(u) - 1)`, and one on the other side that is 0 where it
    /// is, replaced by exprel.
    fn both_removed(
        &mut self,
        arena: &mut Arena,
        product: &Product,
        side: Side,
        k: usize,
        (scale, u): (&Term, ExprId),
    ) -> Option<Product> {
        let (of_u, moves) = (self.forms.of(arena, u), arena.changes(u));
        let mut less = product.clone();
        less.side(side).remove(k);
        let candidates = less.side(side.other()).clone();
        let found = candidates.into_iter().enumerate().find_map(|(k, factor)| {
            self.left = self.left.checked_sub(of_u.terms().len())?;
            let (scale, v) = self.exponential_less_one(arena, factor)?;
            Some((k, scale, v, self.forms.of(arena, v).multiple_of(&of_u, |f| !moves || arena.changes(f))?))
        });
        let (k, scale_of_v, v, ratio) = found?;
        less.side(side.other()).remove(k);
        for (side, term) in [(side, scale), (side.other(), &scale_of_v), (side.other(), &ratio)] {
            less.put_term(side, term);
        }
        for (side, argument) in [(side, u), (side.other(), v)] {
            let exprel = arena.apply(Function::Exprel, argument);
            less.side(side).push(exprel);
        }
        Some(less)
    }

    /// `scale (exp(u) - 1)`
    fn exponential_less_one(&mut self, arena: &mut Arena, id: ExprId) -> Option<(Term, ExprId)> {
        match arena.node(id) {
            Node::Apply(Function::Expm1, u) => return Some((Term { number: 1.0, powers: Vec::new() }, u)),
            Node::Binary(Operation::Add | Operation::Subtract, ..) => {}
            _ => return None,
        }
        let form = self.forms.of(arena, id);
        let [first, second] = form.terms() else { return None };
        let exponential = |term: &Term| {
            term.powers.iter().find_map(|&(f, _)| match arena.node(f) {
                Node::Apply(Function::Exp, u) => Some((f, u)),
                _ => None,
            })
        };
        let (exp, u) = exponential(first).or_else(|| exponential(second))?;
        let (of, plain) =
            if first.power(exp).abs() > second.power(exp).abs() { (first, second) } else { (second, first) };
        let ratio = of.over(plain);
        let [(factor, power @ (1 | -1))] = ratio.powers[..] else { return None };
        if factor != exp || !close(ratio.number, -1.0) {
            return None;
        }
        // of + plain = plain (1 - exp(u))
        let u = if power > 0 { u } else { arena.negate(u) };
        Some((Term { number: -plain.number, powers: plain.powers.clone() }, u))
    }

    /// Divides one side of a product by u; none, and the product is spoilt, if u is not seen in it.
    fn divided_out(&mut self, arena: &mut Arena, product: &mut Product, side: Side, u: ExprId) -> Option<()> {
        let mut of_u = arena.product(u)?;
        // Where one of its factors is 0, so is u: each has to be found. One that is a parameter is 0 throughout or never,
        // and if all are, the quotient is as finite as it was without them.
        let moves = of_u.above.iter().any(|&f| arena.changes(f));
        let is_core = |arena: &Arena, f: ExprId| if moves { arena.changes(f) } else { arena.reads_anything(f) };
        let (cores, rest): (Vec<ExprId>, Vec<ExprId>) =
            std::mem::take(&mut of_u.above).into_iter().partition(|&f| is_core(arena, f));
        if cores.is_empty() {
            return None;
        }
        for core in cores {
            let core = self.forms.of(arena, core);
            let candidates = product.side(side).clone();
            let found = candidates.into_iter().enumerate().find_map(|(k, factor)| {
                self.left = self.left.checked_sub(core.terms().len())?;
                Some((k, self.forms.of(arena, factor).multiple_of(&core, |f| is_core(arena, f))?))
            });
            let (k, ratio) = found?;
            product.side(side).remove(k);
            product.put_term(side, &ratio);
        }
        product.put_number(side, 1.0 / of_u.number);
        of_u.below.into_iter().for_each(|f| product.put(side, f));
        rest.into_iter().for_each(|f| product.put(side.other(), f));
        Some(())
    }
}

fn is_product(arena: &Arena, id: ExprId) -> bool {
    matches!(arena.node(id), Node::Negate(_) | Node::Binary(Operation::Multiply | Operation::Divide, ..))
}

impl Arena {
    /// The factors of an expression; none if they are too many.
    fn product(&self, whole: ExprId) -> Option<Product> {
        let mut product = Product { number: 1.0, above: Vec::new(), below: Vec::new() };
        // Whether the expression stands below the line.
        let mut stack = vec![(whole, false)];
        while let Some((id, is_below)) = stack.pop() {
            if product.above.len() + product.below.len() + stack.len() > FACTORS {
                return None;
            }
            match self.node(id) {
                Node::Negate(a) => {
                    product.number = -product.number;
                    stack.push((a, is_below));
                }
                // The first operand is to be looked at first.
                Node::Binary(Operation::Multiply, a, b) => stack.extend([(b, is_below), (a, is_below)]),
                Node::Binary(Operation::Divide, a, b) => stack.extend([(b, !is_below), (a, is_below)]),
                Node::Constant(bits) if f64::from_bits(bits) != 0.0 => {
                    let value = f64::from_bits(bits);
                    product.number *= if is_below { 1.0 / value } else { value };
                }
                _ if is_below => product.below.push(id),
                _ => product.above.push(id),
            }
        }
        Some(product)
    }

    fn multiplied(&mut self, product: &Product) -> ExprId {
        let number = self.constant(product.number);
        let above = product.above.iter().fold(number, |all, &f| self.multiply(all, f));
        let one = self.constant(1.0);
        let below = product.below.iter().fold(one, |all, &f| self.multiply(all, f));
        self.divide(above, below)
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::expr::{Arena, ExprId, Leaf, evaluate};
    use crate::model::Neuron;

    fn neuron(lines: &str) -> Neuron {
        let text = format!(
            "neuron N {{ param k = 2 mV \n param E = -40 mV \n state V : mV \n state W : mV \n state y \n \
             dV/dt = 0*k/ms \n dW/dt = 0*E/ms \n {lines} }}"
        );
        let compilation = compile("", &text);
        compilation.model.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics)).neurons.remove(0)
    }

    /// The value of an expression of these parameters at V and W.
    fn at(arena: &Arena, root: ExprId, v: f64, w: f64) -> f64 {
        let leaf = |leaf| match leaf {
            Leaf::Parameter(i) => [2.0, -40.0].get(usize::from(i)).copied(),
            Leaf::State(0) => Some(v),
            Leaf::State(1) => Some(w),
            // The sum of no events, a distance.
            _ => Some(0.0),
        };
        evaluate(arena, root, leaf).unwrap_or_else(|| panic!("{}", arena.show(root, &|_| None)))
    }

    /// x/(exp(x) - 1), which nothing is wrong with near 0.
    fn bernoulli(x: f64) -> f64 {
        x / libm::expm1(x)
    }

    /// A quotient, and its value by the distance from its singularity.
    type Case = (&'static str, fn(f64) -> f64);

    #[test]
    fn rates_are_finite_at_their_singularities_and_the_same_elsewhere() {
        // Each is 0/0 at -40 mV; their values by x = V + 40 mV.
        let forms: [Case; 20] = [
            ("0.1/mV*(V + 40 mV)/(1 - exp(-(V + 40 mV)/(10 mV)))", |x| bernoulli(-x / 10.0)),
            ("0.1*((V + 40 mV)/mV)/(1 - exp((-V - 40 mV)/10/mV))", |x| bernoulli(-x / 10.0)),
            ("(0.1*V/mV + 4)/(1 - exp(-(V + 40 mV)/(10 mV)))", |x| bernoulli(-x / 10.0)),
            ("1/(1 - exp(-(V + 40 mV)/(10 mV)))*(V + 40 mV)/(10 mV)", |x| bernoulli(-x / 10.0)),
            ("(V + 40 mV)/k/(exp((V + 40 mV)/k) - 1)", |x| bernoulli(x / 2.0)),
            ("-(40 mV + V)/k/expm1((40 mV + V)/(2*k))", |x| -2.0 * bernoulli(x / 4.0)),
            ("3*(exp((V + 40 mV)/k) - 1)/((V + 40 mV)/(5 mV))", |x| 7.5 / bernoulli(x / 2.0)),
            ("expm1((V + 40 mV)/k)/(V + 40 mV)*k", |x| 1.0 / bernoulli(x / 2.0)),
            // Numbers and parameters before the exponential.
            ("(V + 40 mV)/k/(2*exp((V + 40 mV)/k) - 2)", |x| bernoulli(x / 2.0) / 2.0),
            ("(V + 40 mV)/mV/(k/mV*exp((V + 40 mV)/k) - k/mV)", |x| bernoulli(x / 2.0)),
            ("(V + 40 mV)/k/(1/exp((V + 40 mV)/k) - 1)", |x| -bernoulli(-x / 2.0)),
            ("(V + 40 mV)/k/(1 - 1/exp((V + 40 mV)/k))", |x| bernoulli(-x / 2.0)),
            // Offsets that are parameters.
            ("(V - E)/k/(1 - exp(-(V - E)/k))", |x| bernoulli(-x / 2.0)),
            ("(V - E)/k/(1 - exp(E/k - V/k))", |x| bernoulli(-x / 2.0)),
            ("(V/k - E/k)/(1 - exp(-(V - E)/k))", |x| bernoulli(-x / 2.0)),
            ("(V*k - E*k)/k^2/(exp((2*V - 2*E)/k) - 1)", |x| bernoulli(x) / 2.0),
            ("(V - 1 mV - E)/mV/(1 - exp(-(V - (1 mV + E))/mV))", |x| bernoulli(1.0 - x)),
            // Several at once, and one over another.
            ("((V - E)/k)^2/expm1((V - E)/k)/(1 - exp(-(V - E)/k))", |x| bernoulli(x / 2.0) * bernoulli(-x / 2.0)),
            ("(exp((V - E)/k) - 1)/(exp(2*(V - E)/k) - 1)", |x| bernoulli(x) / bernoulli(x / 2.0) / 2.0),
            ("if (V - E)/k/expm1((V - E)/k) > 0 { 1 } else { 2 }", |_| 1.0),
        ];
        for (text, written) in forms {
            let neuron = neuron(&format!("ms dy/dt = {text}"));
            let (arena, rhs) = (&neuron.arena, neuron.states[2].rhs);
            for v in [-90.0, -41.5, -40.0 + 1e-7, 0.0, 15.0] {
                let (found, expected) = (at(arena, rhs, v, 0.0), written(v + 40.0));
                assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{text} at {v}: {found} for {expected}");
            }
            for place in [-40.0, -39.0] {
                let (there, beside) = (at(arena, rhs, place, 0.0), at(arena, rhs, place + 1e-9, 0.0));
                assert!((there - beside).abs() < 1e-8 * there.abs(), "{text}: {there}, beside it {beside}");
            }
        }
    }

    #[test]
    fn every_singularity_of_a_quotient_is_removed() {
        let neuron = neuron(
            "ms dy/dt = (V - E)*W/k^2/((exp((V - E)/k) - 1)*(exp(W/k) - 1)) + V*W/k^2/(exp(V*W/k^2) - 1) \
             + expm1(V/k)*expm1(W/k)/(V*W)*k^2",
        );
        let rhs = neuron.states[2].rhs;
        for (v, w) in [(-40.0, 0.0), (-40.0, 3.0), (5.0, 0.0), (0.0, 0.0), (0.0, 4.0), (2.0, 4.0)] {
            let near = |x: f64| if x == 0.0 { 1e-9 } else { x };
            let b = |x: f64| bernoulli(near(x));
            let expected = b((v + 40.0) / 2.0) * b(w / 2.0) + b(v * w / 4.0) + 1.0 / b(v / 2.0) / b(w / 2.0);
            let found = at(&neuron.arena, rhs, v, w);
            assert!((found - expected).abs() < 1e-8 * expected, "at {v}, {w}: {found} for {expected}");
        }
    }

    #[test]
    fn they_are_removed_wherever_something_is_computed() {
        let q = "((V - E)/k/expm1((V - E)/k))";
        let scale = "(E + 40 mV)/k/expm1((E + 40 mV)/k)";
        let neuron = neuron(&format!(
            "event e \n state z = {scale} \n let l = {q} \n (ms*{q}) dy/dt = {q} + l - y \n \
             dz/dt = {q}*xi/sqrt(ms) \n on e {{ y += {q}*e; y *= {q} }} \n \
             spike when y*{q} >= {q} surrogate s scale {scale} {{ y = {q}; z -= {q} }}\n }} \n \
             surrogate s {{ derivative = x/expm1(x)\n primitive = x"
        ));
        let spike = neuron.spike.as_ref().unwrap();
        let [y, z] = [2, 3].map(|i| &neuron.states[i]);
        let assigned = neuron.on[0].body.iter().chain(&spike.reset).map(|a| a.value);
        let others = [y.rhs, y.coefficient, z.initial, z.noise.unwrap(), spike.lhs, spike.rhs, spike.scale];
        let surrogate = spike.surrogate.derivative;
        for root in assigned.chain(others).chain([neuron.lets[0].1, surrogate]) {
            let value = at(&neuron.arena, root, -40.0, 0.0);
            assert!(value.is_finite(), "{} is {value}", neuron.arena.show(root, &|_| None));
        }
    }

    #[test]
    fn what_is_no_multiple_stays() {
        for text in [
            "(V + 41 mV)/mV/(1 - exp(-(V + 40 mV)/(10 mV)))",
            "V/mV/(1 - exp(-V*W/(10 mV)^2))",
            "V/mV/(2*exp(V/k) - 1)",
            "V/mV/(1 + exp(V/k))",
            "(V - E)/k/(1 - exp(-(V + E)/k))",
            "k/mV/(exp(V/k) - 1)",
        ] {
            let neuron = neuron(&format!("ms dy/dt = {text}"));
            assert!(!neuron.arena.show(neuron.states[2].rhs, &|_| None).contains("exprel"), "{text}");
        }
    }
}
