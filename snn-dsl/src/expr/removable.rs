//! Quotients that are 0/0 at a point and finite around it: x/(exp(x) - 1) and its relatives, as rates of ion channels have
//! them. They are rewritten by exprel(x) = (exp(x) - 1)/x, which has no such point.

use super::{Arena, ExprId, Function, Leaf, Node, Operation, Table};

/// Products of more factors are left alone: shared ones have a number of factors that grows exponentially.
const FACTORS: usize = 64;

/// A product: a number times expressions over expressions.
#[derive(Clone, Debug)]
struct Product {
    number: f64,
    above: Vec<ExprId>,
    below: Vec<ExprId>,
}

impl Arena {
    /// The expression with `r u/(exp(u) - 1)` replaced by `r/exprel(u)` and `(exp(u) - 1)/(r u)` by `exprel(u)/r`, wherever
    /// the one side is seen to be a multiple of the other: by a common factor, or as affine functions with constant
    /// coefficients.
    pub(crate) fn without_removable_singularities(&mut self, root: ExprId) -> ExprId {
        let mut done: Table<ExprId, ExprId> = Table::default();
        for id in self.reachable([root]) {
            let rebuilt = self.rebuild(id, |child| done.get(&child).copied().unwrap_or(child));
            let new = match self.node(rebuilt) {
                Node::Binary(Operation::Divide | Operation::Multiply, ..) => self.removed(rebuilt).unwrap_or(rebuilt),
                _ => rebuilt,
            };
            done.insert(id, new);
        }
        done.get(&root).copied().unwrap_or(root)
    }

    fn removed(&mut self, id: ExprId) -> Option<ExprId> {
        let product = self.product(id);
        for (k, &factor) in product.below.iter().enumerate() {
            let Some((sign, u)) = self.exponential_less_one(factor) else { continue };
            let mut rest = product.clone();
            rest.below.remove(k);
            rest.number *= sign;
            if self.divide_out(&mut rest.above, &mut rest.below, &mut rest.number, u) {
                let exprel = self.apply(Function::Exprel, u);
                rest.below.push(exprel);
                return Some(self.multiplied(&rest));
            }
        }
        for (k, &factor) in product.above.iter().enumerate() {
            let Some((sign, u)) = self.exponential_less_one(factor) else { continue };
            let mut rest = product.clone();
            rest.above.remove(k);
            rest.number *= sign;
            let mut inverse = 1.0;
            if self.divide_out(&mut rest.below, &mut rest.above, &mut inverse, u) {
                rest.number /= inverse;
                let exprel = self.apply(Function::Exprel, u);
                rest.above.push(exprel);
                return Some(self.multiplied(&rest));
            }
        }
        None
    }

    /// `sign (exp(u) - 1)`
    fn exponential_less_one(&self, id: ExprId) -> Option<(f64, ExprId)> {
        let exp = |id: ExprId| match self.node(id) {
            Node::Apply(Function::Exp, u) => Some(u),
            _ => None,
        };
        let is = |id: ExprId, value: f64| self.constant_value(id) == Some(value);
        match self.node(id) {
            Node::Apply(Function::Expm1, u) => Some((1.0, u)),
            Node::Binary(Operation::Subtract, a, b) if is(b, 1.0) => exp(a).map(|u| (1.0, u)),
            Node::Binary(Operation::Subtract, a, b) if is(a, 1.0) => exp(b).map(|u| (-1.0, u)),
            Node::Binary(Operation::Add, a, b) if is(b, -1.0) => exp(a).map(|u| (1.0, u)),
            Node::Binary(Operation::Add, a, b) if is(a, -1.0) => exp(b).map(|u| (1.0, u)),
            _ => None,
        }
    }

    /// Takes the factor `u` out of a product `number above/below`; false, and nothing is changed, if it is not seen in it.
    fn divide_out(&mut self, above: &mut Vec<ExprId>, below: &mut Vec<ExprId>, number: &mut f64, u: ExprId) -> bool {
        let of_u = self.product(u);
        // Where another factor of u is 0, so is u, and the quotient has a singularity more.
        let moving: Vec<ExprId> = of_u.above.iter().copied().filter(|&f| self.moves(f)).collect();
        let [core] = moving[..] else { return false };
        for k in 0..above.len() {
            let Some(ratio) = self.ratio(above[k], core) else { continue };
            above.remove(k);
            *number *= ratio / of_u.number;
            above.extend(of_u.below.iter().copied());
            below.extend(of_u.above.iter().copied().filter(|&f| f != core));
            return true;
        }
        false
    }

    /// True if the expression changes from step to step.
    fn moves(&self, id: ExprId) -> bool {
        self.leaves(id).into_iter().any(|l| !matches!(l, Leaf::Parameter(_) | Leaf::Dt))
    }

    /// a/b, if it is seen to be a number.
    fn ratio(&mut self, a: ExprId, b: ExprId) -> Option<f64> {
        if a == b {
            return Some(1.0);
        }
        if let (Node::Binary(Operation::Subtract, x, y), Node::Binary(Operation::Subtract, v, w)) =
            (self.node(a), self.node(b))
            && (x, y) == (w, v)
        {
            return Some(-1.0);
        }
        let leaf = *self.leaves(b).iter().find(|l| !matches!(l, Leaf::Parameter(_) | Leaf::Dt))?;
        let (a, b) = (self.affine_in(a, leaf)?, self.affine_in(b, leaf)?);
        let number = |id: ExprId| self.constant_value(id);
        let (p, q, r, s) = (number(a.slope)?, number(a.offset)?, number(b.slope)?, number(b.offset)?);
        let ratio = p / r;
        let close = (q - ratio * s).abs() <= 1e-12 * q.abs().max((ratio * s).abs());
        (ratio.is_finite() && ratio != 0.0 && close).then_some(ratio)
    }

    fn product(&self, whole: ExprId) -> Product {
        let mut product = Product { number: 1.0, above: Vec::new(), below: Vec::new() };
        // Whether the expression stands below the line.
        let mut stack = vec![(whole, false)];
        while let Some((id, is_below)) = stack.pop() {
            if product.above.len() + product.below.len() + stack.len() > FACTORS {
                return Product { number: 1.0, above: vec![whole], below: Vec::new() };
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
        product
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

    /// The right-hand side of `10 mV` a state V and a parameter k = 2 mV, and the value it has at V.
    fn compiled(rhs: &str) -> (Arena, ExprId) {
        let text =
            format!("neuron N {{ param k = 2 mV \n state V : mV \n state y \n ms dy/dt = {rhs} \n dV/dt = 0 * k/ms }}");
        let compilation = compile("", &text);
        let neuron = compilation.model.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics)).neurons.remove(0);
        let rhs = neuron.states[1].rhs;
        (neuron.arena, rhs)
    }

    fn at(arena: &Arena, rhs: ExprId, v: f64) -> f64 {
        evaluate(arena, rhs, |leaf| Some(if leaf == Leaf::Parameter(0) { 2.0 } else { v })).unwrap()
    }

    #[test]
    fn rates_are_finite_at_their_singularities_and_the_same_elsewhere() {
        let forms = [
            "0.1/mV*(V + 40 mV)/(1 - exp(-(V + 40 mV)/(10 mV)))",
            "0.1*((V + 40 mV)/mV)/(1 - exp((-V - 40 mV)/10/mV))",
            "(0.1*V/mV + 4)/(1 - exp(-(V + 40 mV)/(10 mV)))",
            "1/(1 - exp(-(V + 40 mV)/(10 mV)))*(V + 40 mV)/(10 mV)",
            "(V + 40 mV)/k/(exp((V + 40 mV)/k) - 1)",
            "-(40 mV + V)/k/expm1((40 mV + V)/(2*k))",
            "3*(exp((V + 40 mV)/k) - 1)/((V + 40 mV)/(5 mV))",
            "expm1((V + 40 mV)/k)/(V + 40 mV)*k",
        ];
        for text in forms {
            let (arena, rhs) = compiled(text);
            let written = |v: f64| {
                let x = v + 40.0;
                match text {
                    _ if text.starts_with("(V + 40 mV)/k/") => x / 2.0 / libm::expm1(x / 2.0),
                    _ if text.starts_with("-(40") => -x / 2.0 / libm::expm1(x / 4.0),
                    _ if text.starts_with('3') => 3.0 * libm::expm1(x / 2.0) / (x / 5.0),
                    _ if text.starts_with("expm1") => libm::expm1(x / 2.0) / x * 2.0,
                    _ => x / 10.0 / -libm::expm1(-x / 10.0),
                }
            };
            for v in [-90.0, -41.0, -40.0 + 1e-7, 0.0, 15.0] {
                let (found, expected) = (at(&arena, rhs, v), written(v));
                assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{text} at {v}: {found} for {expected}");
            }
            let (there, beside) = (at(&arena, rhs, -40.0), at(&arena, rhs, -40.0 + 1e-9));
            assert!((there - beside).abs() < 1e-8 * there.abs(), "{text}: {there}, beside it {beside}");
        }
    }

    #[test]
    fn what_is_no_multiple_stays() {
        for text in ["(V + 41 mV)/mV/(1 - exp(-(V + 40 mV)/(10 mV)))", "V/mV/(1 - exp(-V*V/(10 mV)^2))"] {
            let (arena, rhs) = compiled(text);
            assert!(!arena.show(rhs, &|_| None).contains("exprel"), "{text}");
        }
    }
}
