//! Differentiation, and recognising expressions that are affine in a leaf.

use super::{Arena, Comparison, ExprId, Function, Leaf, Node, Operation, Table, mark};

/// `slope * leaf + offset`, both free of the leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affine {
    /// What multiplies the leaf.
    pub slope: ExprId,
    /// The rest.
    pub offset: ExprId,
}

/// The sum of `slope * leaf` over several leaves, and `offset`; all are free of all the leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffineInAll {
    /// What multiplies each leaf; none for 0.
    pub slopes: Vec<Option<ExprId>>,
    /// The rest.
    pub offset: ExprId,
}

/// The same of a part of an expression: the slopes that are not 0, by the place of the leaf.
#[derive(Clone, Debug)]
struct Form {
    slopes: Vec<(usize, ExprId)>,
    offset: ExprId,
}

impl Arena {
    /// The derivatives of a node with respect to its operands, in order; none for yes/no values, detached values, and
    /// the spike variable (whose derivative is the surrogate's).
    pub fn partials(&mut self, id: ExprId) -> Vec<(ExprId, ExprId)> {
        match self.node(id) {
            Node::Constant(_)
            | Node::Truth(_)
            | Node::Leaf(_)
            | Node::Compare(..)
            | Node::And(..)
            | Node::Or(..)
            | Node::Not(_)
            | Node::Detach(_)
            | Node::Spike(_) => Vec::new(),
            Node::Negate(a) => vec![(a, self.constant(-1.0))],
            Node::Apply(f, a) => vec![(a, self.derivative_of(f, a, id))],
            Node::Binary(Operation::Add, a, b) => {
                let one = self.constant(1.0);
                vec![(a, one), (b, one)]
            }
            Node::Binary(Operation::Subtract, a, b) => vec![(a, self.constant(1.0)), (b, self.constant(-1.0))],
            Node::Binary(Operation::Multiply, a, b) => vec![(a, b), (b, a)],
            Node::Binary(Operation::Divide, a, b) => {
                let one = self.constant(1.0);
                let da = self.divide(one, b);
                let quotient = self.divide(id, b);
                vec![(a, da), (b, self.negate(quotient))]
            }
            Node::Binary(Operation::Power, a, b) => {
                let one = self.constant(1.0);
                let less = self.subtract(b, one);
                let power = self.power(a, less);
                let da = self.multiply(b, power);
                if self.constant_value(b).is_some() {
                    return vec![(a, da)];
                }
                let ln = self.apply(Function::Ln, a);
                let db = self.multiply(id, ln);
                vec![(a, da), (b, db)]
            }
            Node::Select(c, a, b) => {
                let (zero, one) = (self.constant(0.0), self.constant(1.0));
                vec![(a, self.select(c, one, zero)), (b, self.select(c, zero, one))]
            }
        }
    }

    /// f'(a); `value` is f(a).
    fn derivative_of(&mut self, f: Function, a: ExprId, value: ExprId) -> ExprId {
        let one = self.constant(1.0);
        match f {
            Function::Exp => value,
            Function::Expm1 => self.apply(Function::Exp, a),
            Function::Exprel => self.apply(Function::Exprel1, a),
            Function::Exprel1 => self.apply(Function::Exprel2, a),
            Function::Exprel2 => self.third_moment(a, value),
            Function::Ln => self.divide(one, a),
            Function::Sqrt => {
                let half = self.constant(0.5);
                self.divide(half, value)
            }
            Function::Sin => self.apply(Function::Cos, a),
            Function::Cos => {
                let sin = self.apply(Function::Sin, a);
                self.negate(sin)
            }
            Function::Tanh => {
                let square = self.multiply(value, value);
                self.subtract(one, square)
            }
            Function::Atan => {
                let square = self.multiply(a, a);
                let sum = self.add(one, square);
                self.divide(one, sum)
            }
            Function::Sigmoid => {
                let rest = self.subtract(one, value);
                self.multiply(value, rest)
            }
            Function::Erf | Function::Erfc => {
                let square = self.multiply(a, a);
                let minus = self.negate(square);
                let gauss = self.apply(Function::Exp, minus);
                let factor =
                    self.constant(if f == Function::Erf { 1.0 } else { -1.0 } * std::f64::consts::FRAC_2_SQRT_PI);
                self.multiply(factor, gauss)
            }
            Function::Abs => {
                let zero = self.constant(0.0);
                let minus_one = self.constant(-1.0);
                let negative = self.compare(Comparison::Less, a, zero);
                self.select(negative, minus_one, one)
            }
        }
    }

    /// `factor * partial`, with the products by an indicator written as a choice.
    pub fn scale_partial(&mut self, partial: ExprId, factor: ExprId) -> ExprId {
        if let Node::Select(c, a, b) = self.node(partial) {
            let zero = Some(0.0);
            if self.constant_value(a) == zero || self.constant_value(b) == zero {
                let a = self.multiply(factor, a);
                let b = self.multiply(factor, b);
                return self.select(c, a, b);
            }
        }
        if self.is_total(partial) { self.multiply(factor, partial) } else { self.multiply_guarded(factor, partial) }
    }

    /// `factor * partial`, but 0 wherever a choice in `factor` makes it 0, even if `partial` is infinite or NaN there: a
    /// branch that was not taken has no gradient, whatever its derivative. It adds a few expressions, however large the
    /// factor is: one that was written out again for each partial would double along a chain of functions.
    fn multiply_guarded(&mut self, factor: ExprId, partial: ExprId) -> ExprId {
        if let Node::Select(c, a, b) = self.node(factor)
            && self.is_conditional(factor)
        {
            let [a, b] = [a, b].map(|branch| self.multiply_where_chosen(branch, partial));
            return self.select(c, a, b);
        }
        self.multiply_where_chosen(factor, partial)
    }

    fn multiply_where_chosen(&mut self, factor: ExprId, partial: ExprId) -> ExprId {
        let product = self.multiply(factor, partial);
        if !self.is_conditional(factor) {
            return product;
        }
        let chosen = self.chosen(factor);
        let zero = self.constant(0.0);
        self.select(chosen, product, zero)
    }

    /// The condition under which no choice makes a conditional expression 0.
    fn chosen(&mut self, root: ExprId) -> ExprId {
        let open = |arena: &Self, id: ExprId| arena.is_conditional(id) && !arena.chosen.contains_key(&id);
        for id in self.reachable_where([root], |id| open(self, id)) {
            let of = |arena: &Self, child: ExprId| arena.chosen.get(&child).copied();
            let condition = match self.node(id) {
                Node::Select(c, a, b) => {
                    let (on, branch) = if self.constant_value(a) == Some(0.0) { (self.not(c), b) } else { (c, a) };
                    of(self, branch).map(|inner| self.and(on, inner)).or(Some(on))
                }
                Node::Binary(Operation::Multiply, a, b) => match (of(self, a), of(self, b)) {
                    (Some(a), Some(b)) => Some(self.and(a, b)),
                    (a, b) => a.or(b),
                },
                Node::Binary(Operation::Add | Operation::Subtract, a, b) => {
                    of(self, a).zip(of(self, b)).map(|(a, b)| self.or(a, b))
                }
                Node::Negate(a) | Node::Binary(Operation::Divide, a, _) => of(self, a),
                _ => None,
            };
            if let Some(condition) = condition {
                self.chosen.insert(id, condition);
            }
        }
        self.chosen.get(&root).copied().unwrap_or_else(|| self.truth(true))
    }

    /// Whether a choice makes the expression 0 in some cases.
    fn is_conditional(&self, id: ExprId) -> bool {
        self.entries[id.index()].conditional
    }

    /// The same of a node whose operands are known.
    pub(super) fn conditional(&self, node: Node) -> bool {
        match node {
            Node::Select(_, a, b) => self.constant_value(a) == Some(0.0) || self.constant_value(b) == Some(0.0),
            Node::Negate(a) | Node::Binary(Operation::Divide, a, _) => self.is_conditional(a),
            Node::Binary(Operation::Multiply, a, b) => self.is_conditional(a) || self.is_conditional(b),
            Node::Binary(Operation::Add | Operation::Subtract, a, b) => {
                self.is_conditional(a) && self.is_conditional(b)
            }
            _ => false,
        }
    }

    /// The derivative of an expression with respect to a leaf (spikes and detached values count as constants).
    pub fn differentiate(&mut self, root: ExprId, leaf: Leaf) -> ExprId {
        let variable = self.leaf(leaf);
        let zero = self.constant(0.0);
        let one = self.constant(1.0);
        let mut derivative: Table<ExprId, ExprId> = Table::default();
        for id in self.reachable([root]) {
            let mut sum = if id == variable { one } else { zero };
            for (child, partial) in self.partials(id) {
                let inner = derivative.get(&child).copied().unwrap_or(zero);
                if inner != zero {
                    let term = self.scale_partial(partial, inner);
                    sum = self.add(sum, term);
                }
            }
            derivative.insert(id, sum);
        }
        derivative.get(&root).copied().unwrap_or(zero)
    }

    /// The expression as `slope * leaf + offset`, if it is affine in the leaf by its structure. A `detach` around the
    /// leaf, or a choice whose condition reads it, is not affine.
    pub fn affine_in(&mut self, root: ExprId, leaf: Leaf) -> Option<Affine> {
        self.affine_given(root, leaf, &Table::default())
    }

    /// The expression as affine in several leaves together, by its structure as in [`Arena::affine_in`].
    pub fn affine_in_all(&mut self, root: ExprId, leaves: &[Leaf]) -> Option<AffineInAll> {
        let mut forms: Table<ExprId, Form> = Table::default();
        let one = self.constant(1.0);
        let zero = self.constant(0.0);
        for (place, &leaf) in leaves.iter().enumerate() {
            let id = self.leaf(leaf);
            forms.insert(id, Form { slopes: vec![(place, one)], offset: zero });
        }
        let marks = leaves.iter().fold(0, |all, &leaf| all | mark(leaf));
        let reads = |arena: &Self, id: ExprId| arena.entries[id.index()].reads & marks != 0;
        for id in self.reachable_where([root], |id| reads(self, id)) {
            if forms.contains_key(&id) {
                continue;
            }
            let mut operands = [None, None, None];
            for (slot, child) in operands.iter_mut().zip(self.children(id)) {
                let free = || Form { slopes: Vec::new(), offset: child };
                *slot = Some(forms.get(&child).cloned().unwrap_or_else(free));
            }
            let is_free = operands.iter().flatten().all(|f| f.slopes.is_empty());
            let form = if is_free && operands.iter().flatten().zip(self.children(id)).all(|(f, c)| f.offset == c) {
                Form { slopes: Vec::new(), offset: id }
            } else {
                self.affine_node(id, operands)?
            };
            forms.insert(id, form);
        }
        let free = || Form { slopes: Vec::new(), offset: root };
        let Form { slopes, offset } = forms.remove(&root).unwrap_or_else(free);
        let mut all = vec![None; leaves.len()];
        slopes.into_iter().for_each(|(place, slope)| all[place] = Some(slope));
        Some(AffineInAll { slopes: all, offset })
    }

    /// The form of a node by those of its operands.
    fn affine_node(&mut self, id: ExprId, operands: [Option<Form>; 3]) -> Option<Form> {
        let zero = self.constant(0.0);
        let [first, second, third] = operands;
        let (mut slopes, offset) = match (self.node(id), first, second, third) {
            (Node::Negate(_), Some(a), ..) => {
                (a.slopes.into_iter().map(|(k, s)| (k, self.negate(s))).collect(), self.negate(a.offset))
            }
            (Node::Binary(o @ (Operation::Add | Operation::Subtract), ..), Some(a), Some(b), _) => {
                let slopes = joined(a.slopes, b.slopes, zero, |s, t| self.binary(o, s, t));
                (slopes, self.binary(o, a.offset, b.offset))
            }
            (Node::Binary(Operation::Multiply, ..), Some(x), Some(y), _) if y.slopes.is_empty() => {
                let by = y.offset;
                (x.slopes.into_iter().map(|(k, s)| (k, self.multiply(s, by))).collect(), self.multiply(x.offset, by))
            }
            (Node::Binary(Operation::Multiply, ..), Some(x), Some(y), _) if x.slopes.is_empty() => {
                let by = x.offset;
                (y.slopes.into_iter().map(|(k, s)| (k, self.multiply(by, s))).collect(), self.multiply(by, y.offset))
            }
            (Node::Binary(Operation::Divide, ..), Some(x), Some(y), _) if y.slopes.is_empty() => {
                let by = y.offset;
                (x.slopes.into_iter().map(|(k, s)| (k, self.divide(s, by))).collect(), self.divide(x.offset, by))
            }
            (Node::Select(..), Some(on), Some(x), Some(y)) if on.slopes.is_empty() => {
                let on = on.offset;
                let slopes = joined(x.slopes, y.slopes, zero, |s, t| self.select(on, s, t));
                (slopes, self.select(on, x.offset, y.offset))
            }
            _ => return None,
        };
        slopes.retain(|s: &(usize, ExprId)| s.1 != zero);
        Some(Form { slopes, offset })
    }

    /// The same where some sub-expressions stand for the affine forms given for them.
    pub fn affine_given(&mut self, root: ExprId, leaf: Leaf, given: &Table<ExprId, Affine>) -> Option<Affine> {
        let variable = self.leaf(leaf);
        let zero = self.constant(0.0);
        let one = self.constant(1.0);
        let mut forms: Table<ExprId, Affine> = Table::default();
        // What does not read the leaf need not be looked through, unless a given form may stand in it.
        let order = self.reachable_where([root], |id| id == root || !given.is_empty() || self.may_read(id, leaf));
        for id in order {
            let of = |child: ExprId| match forms.get(&child) {
                Some(form) => Some(*form),
                None => (!self.may_read(child, leaf)).then_some(Affine { slope: zero, offset: child }),
            };
            let mut operands = [None; 3];
            for (slot, child) in operands.iter_mut().zip(self.children(id)) {
                *slot = Some(of(child)?);
            }
            let [first, second, third] = operands;
            let form = if let Some(form) = given.get(&id) {
                *form
            } else if id == variable {
                Affine { slope: one, offset: zero }
            } else if operands.iter().flatten().all(|f| f.slope == zero) {
                let offset = match given.is_empty() {
                    true => id,
                    false => self.rebuild(id, |child| forms.get(&child).map_or(child, |f| f.offset)),
                };
                Affine { slope: zero, offset }
            } else {
                match (self.node(id), first, second, third) {
                    (Node::Negate(_), Some(a), ..) => {
                        Affine { slope: self.negate(a.slope), offset: self.negate(a.offset) }
                    }
                    (Node::Binary(o @ (Operation::Add | Operation::Subtract), ..), Some(a), Some(b), _) => {
                        Affine { slope: self.binary(o, a.slope, b.slope), offset: self.binary(o, a.offset, b.offset) }
                    }
                    (Node::Binary(Operation::Multiply, ..), Some(x), Some(y), _) => {
                        if y.slope == zero {
                            let by = y.offset;
                            Affine { slope: self.multiply(x.slope, by), offset: self.multiply(x.offset, by) }
                        } else if x.slope == zero {
                            let by = x.offset;
                            Affine { slope: self.multiply(by, y.slope), offset: self.multiply(by, y.offset) }
                        } else {
                            return None;
                        }
                    }
                    (Node::Binary(Operation::Divide, ..), Some(x), Some(y), _) if y.slope == zero => {
                        Affine { slope: self.divide(x.slope, y.offset), offset: self.divide(x.offset, y.offset) }
                    }
                    (Node::Select(..), Some(on), Some(x), Some(y)) if on.slope == zero => {
                        let slope = self.select(on.offset, x.slope, y.slope);
                        Affine { slope, offset: self.select(on.offset, x.offset, y.offset) }
                    }
                    _ => return None,
                }
            };
            forms.insert(id, form);
        }
        forms.get(&root).copied()
    }
}

/// Two lists by place as one; `zero` stands where one has nothing.
fn joined(
    a: Vec<(usize, ExprId)>,
    b: Vec<(usize, ExprId)>,
    zero: ExprId,
    mut f: impl FnMut(ExprId, ExprId) -> ExprId,
) -> Vec<(usize, ExprId)> {
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    let mut joined = Vec::with_capacity(a.len().max(b.len()));
    loop {
        let place = a.peek().map(|x| x.0).into_iter().chain(b.peek().map(|x| x.0)).min();
        let Some(place) = place else { return joined };
        let (x, y) = (a.next_if(|x| x.0 == place), b.next_if(|x| x.0 == place));
        joined.push((place, f(x.map_or(zero, |x| x.1), y.map_or(zero, |x| x.1))));
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::compile;
    use crate::expr::Leaf;

    #[test]
    fn affine_forms_in_several_leaves_are_those_in_one_after_the_other() {
        for (text, is_affine) in [
            ("-x + 2*(y - x)/k - 3*y", true),
            ("if k > 1 { x - y } else { 2*y + k }", true),
            ("x*exp(z) + (y - z)*z", true),
            ("x - (x + y) + z", true),
            ("z*k", true),
            ("x*y", false),
            ("if x > 1 { x } else { y }", false),
            ("exp(x) + y", false),
            ("y/x", false),
        ] {
            let text = format!(
                "neuron N {{ param k = 2 \n state x \n state y \n state z \n ms dx/dt = {text} \n dy/dt = 0 \n dz/dt = 0 }}"
            );
            let neuron = compile("", &text).model.unwrap().neurons.remove(0);
            let (mut arena, root) = (neuron.arena.clone(), neuron.states[0].rhs);
            let leaves = [Leaf::State(0), Leaf::State(1)];
            let found = arena.affine_in_all(root, &leaves);
            assert_eq!(found.is_some(), is_affine, "{text}");
            let Some(found) = found else { continue };
            let mut rest = root;
            for (leaf, slope) in leaves.into_iter().zip(found.slopes) {
                let form = arena.affine_in(rest, leaf).unwrap();
                let zero = arena.constant(0.0);
                assert_eq!(form.slope, slope.unwrap_or(zero), "{text}");
                rest = form.offset;
            }
            assert_eq!(found.offset, rest, "{text}");
        }
    }
}
