//! Straight-line programs as instructions over registers that hold one number for each of several neurons.

use crate::derive::Program;
use crate::expr::{Arena, Comparison, ExprId, Function, IdSet, Leaf, Node, Operation};
use snn_runtime::simd::{Loops, dispatch};
use snn_runtime::{Real, math};
use std::collections::BTreeMap;

/// Where the value of an instruction comes from; operands are registers.
#[derive(Clone, Copy, Debug)]
enum Instruction {
    Negate(usize),
    Apply(Function, usize),
    /// `exp` or `exprel` of an exponent of the step.
    ApplyToExponent(Function, usize),
    Binary(Operation, usize, usize),
    /// The number counts the comparisons of the program: decisions that a replayed run repeats.
    Compare(Comparison, usize, usize, usize),
    And(usize, usize),
    Or(usize, usize),
    Not(usize),
    Select(usize, usize, usize),
    /// The number counts the detached values of the program: a replayed run repeats them, as no gradient sees them move.
    Detach(usize, usize),
    Copy(usize),
}

/// A program ready to run. Yes and no are 1 and 0.
#[derive(Clone, Debug)]
pub(super) struct Code {
    /// Filled from outside before a run.
    inputs: Vec<(Input, usize)>,
    constants: Vec<(f64, usize)>,
    instructions: Vec<(Instruction, usize)>,
    registers: BTreeMap<ExprId, usize>,
    count: usize,
    comparisons: usize,
    detached: usize,
}

/// What a register is filled with before a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Input {
    /// A leaf.
    Leaf(Leaf),
    /// The k-th number or flag of the tape.
    TapeReal(usize),
    /// The k-th flag of the tape.
    TapeFlag(usize),
    /// The spike variable.
    Spike,
}

/// Whether comparisons are made, made and noted, or repeated from notes.
pub(super) enum Decisions<'a> {
    Free,
    Record(&'a mut [u8]),
    Replay(&'a [u8]),
}

impl Code {
    /// Translates a program. `given` are expressions that are filled in from outside; the spike variable is computed
    /// from `spike` (yes/no or a number), or filled in if that is `None`. `exponents` are those of [`crate::derive::Derived`].
    pub(super) fn new(
        arena: &Arena,
        program: &Program,
        given: &[(ExprId, Input)],
        spike: Option<ExprId>,
        exponents: &IdSet,
    ) -> Self {
        let mut code = Code {
            inputs: Vec::new(),
            constants: Vec::new(),
            instructions: Vec::new(),
            registers: BTreeMap::new(),
            count: 0,
            comparisons: 0,
            detached: 0,
        };
        for (id, _) in program.uses.iter() {
            let input = match given.iter().find(|g| g.0 == id) {
                Some(&(_, input)) => Some(input),
                None => match arena.node(id) {
                    Node::Leaf(leaf) => Some(Input::Leaf(leaf)),
                    Node::Spike(_) if spike.is_none() => Some(Input::Spike),
                    _ => None,
                },
            };
            if let Some(input) = input {
                let register = code.register(id);
                code.inputs.push((input, register));
                continue;
            }
            let constant = match arena.node(id) {
                Node::Constant(bits) => f64::from_bits(bits),
                Node::Truth(value) => f64::from(u8::from(value)),
                _ => continue,
            };
            let register = code.register(id);
            code.constants.push((constant, register));
        }
        for &id in &program.order {
            if code.registers.contains_key(&id) {
                continue;
            }
            let at = |child: ExprId| code.registers.get(&child).copied().unwrap_or(0);
            let instruction = match arena.node(id) {
                Node::Negate(a) => Instruction::Negate(at(a)),
                Node::Apply(f @ (Function::Exp | Function::Exprel), a) if exponents.contains(a) => {
                    Instruction::ApplyToExponent(f, at(a))
                }
                Node::Apply(f, a) => Instruction::Apply(f, at(a)),
                Node::Binary(o, a, b) => Instruction::Binary(o, at(a), at(b)),
                Node::Compare(c, a, b) => Instruction::Compare(c, at(a), at(b), code.comparisons),
                Node::And(a, b) => Instruction::And(at(a), at(b)),
                Node::Or(a, b) => Instruction::Or(at(a), at(b)),
                Node::Not(a) => Instruction::Not(at(a)),
                Node::Select(c, a, b) => Instruction::Select(at(c), at(a), at(b)),
                Node::Detach(a) => Instruction::Detach(at(a), code.detached),
                Node::Spike(_) => Instruction::Copy(spike.map(at).unwrap_or(0)),
                Node::Constant(_) | Node::Truth(_) | Node::Leaf(_) => continue,
            };
            code.comparisons += usize::from(matches!(instruction, Instruction::Compare(..)));
            code.detached += usize::from(matches!(instruction, Instruction::Detach(..)));
            let register = code.register(id);
            code.instructions.push((instruction, register));
        }
        code
    }

    fn register(&mut self, id: ExprId) -> usize {
        let register = self.count;
        self.registers.insert(id, register);
        self.count += 1;
        register
    }

    /// The bytes per neuron that a replayed run repeats: one for each comparison, eight for each detached value.
    pub(super) fn decisions(&self) -> usize {
        self.comparisons + 8 * self.detached
    }

    /// Room for the values of `width` neurons, with what never changes filled in.
    pub(super) fn registers<R: Real>(&self, width: usize) -> Registers<R> {
        let mut values = vec![R::ZERO; self.count * width];
        for &(constant, register) in &self.constants {
            values[register * width..(register + 1) * width].fill(R::from_f64(constant));
        }
        Registers { values, width }
    }

    /// The register of an expression that the program computes or is given.
    pub(super) fn register_of(&self, id: ExprId) -> Option<usize> {
        self.registers.get(&id).copied()
    }

    /// What is filled in from outside, with its register.
    pub(super) fn inputs(&self) -> &[(Input, usize)] {
        &self.inputs
    }

    /// Runs the program for `n` neurons. `fill` writes the values of an input.
    pub(super) fn run<R: Real>(
        &self,
        n: usize,
        mut fill: impl FnMut(Input, &mut [R]),
        mut decisions: Decisions,
    ) -> Results<'_, R> {
        let mut registers = self.registers(n);
        for &(input, register) in &self.inputs {
            fill(input, registers.row_mut(register, n));
        }
        self.execute(&mut registers, n, &mut decisions);
        Results { code: self, registers }
    }

    /// Carries out the instructions for the first `n` neurons of the registers, whose inputs have been filled in.
    pub(super) fn execute<R: Real>(&self, registers: &mut Registers<R>, n: usize, decisions: &mut Decisions) {
        match n {
            1 => dispatch(Single(Execution { code: self, registers, n, decisions })),
            _ => dispatch(Execution { code: self, registers, n, decisions }),
        }
    }
}

/// The instructions as a loop for the instruction set in force.
struct Execution<'a, 'd, R> {
    code: &'a Code,
    registers: &'a mut Registers<R>,
    n: usize,
    decisions: &'a mut Decisions<'d>,
}

impl<R: Real> Loops for Execution<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        let Self { code, registers, n, decisions } = self;
        let (values, width) = (&mut registers.values, registers.width);
        for &(instruction, register) in &code.instructions {
            // Operands stand in lower registers than the result.
            let (before, rest) = values.split_at_mut(register * width);
            let out = &mut rest[..n];
            let row = |r: usize| &before[r * width..][..n];
            match instruction {
                Instruction::Negate(a) => unary(out, row(a), |a| -a),
                Instruction::Copy(a) => out.copy_from_slice(row(a)),
                Instruction::Detach(a, k) => {
                    let first = code.comparisons + 8 * k;
                    match decisions {
                        Decisions::Free => out.copy_from_slice(row(a)),
                        Decisions::Record(notes) => {
                            out.copy_from_slice(row(a));
                            for (i, o) in out.iter().enumerate() {
                                for (byte, value) in o.to_f64().to_le_bytes().into_iter().enumerate() {
                                    notes[(first + byte) * n + i] = value;
                                }
                            }
                        }
                        Decisions::Replay(notes) => {
                            for (i, o) in out.iter_mut().enumerate() {
                                let bytes = std::array::from_fn(|byte| notes[(first + byte) * n + i]);
                                *o = R::from_f64(f64::from_le_bytes(bytes));
                            }
                        }
                    }
                }
                Instruction::Apply(f, a) => apply(f, out, row(a)),
                Instruction::ApplyToExponent(Function::Exp, a) => unary(out, row(a), math::step_exp::<R, false>),
                Instruction::ApplyToExponent(_, a) => unary(out, row(a), math::step_exprel::<R, false>),
                Instruction::Binary(o, a, b) => binary(o, out, row(a), row(b)),
                Instruction::Compare(c, a, b, k) => match decisions {
                    Decisions::Free => compare(c, out, row(a), row(b)),
                    Decisions::Record(notes) => {
                        compare(c, out, row(a), row(b));
                        for (note, &o) in notes[k * n..(k + 1) * n].iter_mut().zip(&*out) {
                            *note = u8::from(o != R::ZERO);
                        }
                    }
                    Decisions::Replay(notes) => {
                        for (o, &note) in out.iter_mut().zip(&notes[k * n..(k + 1) * n]) {
                            *o = truth(note != 0);
                        }
                    }
                },
                Instruction::And(a, b) => two(out, row(a), row(b), |a, b| truth(a != R::ZERO && b != R::ZERO)),
                Instruction::Or(a, b) => two(out, row(a), row(b), |a, b| truth(a != R::ZERO || b != R::ZERO)),
                Instruction::Not(a) => unary(out, row(a), |a| truth(a == R::ZERO)),
                Instruction::Select(c, a, b) => {
                    let (c, a, b) = (row(c), row(a), row(b));
                    for i in 0..n {
                        out[i] = if c[i] != R::ZERO { a[i] } else { b[i] };
                    }
                }
            }
        }
    }
}

/// The same for one neuron: with a number of neurons that the compiler knows there are no loops.
struct Single<'a, 'd, R>(Execution<'a, 'd, R>);

impl<R: Real> Loops for Single<'_, '_, R> {
    type Output = ();

    #[inline(always)]
    fn run<const BYTES: usize>(self) {
        Execution { n: 1, ..self.0 }.run::<BYTES>();
    }
}

/// One number for each expression and each of `width` neurons, to be used again and again.
#[derive(Clone, Debug)]
pub(super) struct Registers<R> {
    values: Vec<R>,
    width: usize,
}

impl<R: Real> Registers<R> {
    /// A register of the first `n` neurons.
    pub(super) fn row(&self, register: usize, n: usize) -> &[R] {
        &self.values[register * self.width..][..n]
    }

    /// The same, to be written.
    pub(super) fn row_mut(&mut self, register: usize, n: usize) -> &mut [R] {
        &mut self.values[register * self.width..][..n]
    }

    /// How many neurons there is room for.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

/// The values of all expressions after a run.
pub(super) struct Results<'a, R> {
    code: &'a Code,
    registers: Registers<R>,
}

impl<R: Real> Results<'_, R> {
    /// The values of an expression that the program computed or was given; empty for any other.
    pub(super) fn row(&self, id: ExprId) -> &[R] {
        self.code.register_of(id).map_or(&[], |register| self.registers.row(register, self.registers.width))
    }
}

#[inline(always)]
fn truth<R: Real>(value: bool) -> R {
    if value { R::ONE } else { R::ZERO }
}

#[inline(always)]
fn unary<R: Real>(out: &mut [R], a: &[R], f: impl Fn(R) -> R) {
    for (o, &a) in out.iter_mut().zip(a) {
        *o = f(a);
    }
}

#[inline(always)]
fn two<R: Real>(out: &mut [R], a: &[R], b: &[R], f: impl Fn(R, R) -> R) {
    for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *o = f(a, b);
    }
}

#[inline(always)]
fn apply<R: Real>(function: Function, out: &mut [R], a: &[R]) {
    match function {
        Function::Exp => unary(out, a, math::exp),
        Function::Expm1 => unary(out, a, math::expm1),
        Function::Exprel => unary(out, a, math::exprel),
        Function::Exprel1 => unary(out, a, math::exprel1),
        Function::Exprel2 => unary(out, a, math::exprel2),
        Function::Ln => unary(out, a, math::ln),
        Function::Sqrt => unary(out, a, math::sqrt),
        Function::Sin => unary(out, a, math::sin),
        Function::Cos => unary(out, a, math::cos),
        Function::Tanh => unary(out, a, math::tanh),
        Function::Atan => unary(out, a, math::atan),
        Function::Sigmoid => unary(out, a, math::sigmoid),
        Function::Erf => unary(out, a, math::erf),
        Function::Erfc => unary(out, a, math::erfc),
        Function::Abs => unary(out, a, math::abs),
    }
}

#[inline(always)]
fn binary<R: Real>(operation: Operation, out: &mut [R], a: &[R], b: &[R]) {
    match operation {
        Operation::Add => two(out, a, b, |a, b| a + b),
        Operation::Subtract => two(out, a, b, |a, b| a - b),
        Operation::Multiply => two(out, a, b, |a, b| a * b),
        Operation::Divide => two(out, a, b, |a, b| a / b),
        Operation::Power => two(out, a, b, math::pow),
    }
}

#[inline(always)]
fn compare<R: Real>(comparison: Comparison, out: &mut [R], a: &[R], b: &[R]) {
    match comparison {
        Comparison::GreaterEqual => two(out, a, b, |a, b| truth(a >= b)),
        Comparison::Greater => two(out, a, b, |a, b| truth(a > b)),
        Comparison::LessEqual => two(out, a, b, |a, b| truth(a <= b)),
        Comparison::Less => two(out, a, b, |a, b| truth(a < b)),
        Comparison::Equal => two(out, a, b, |a, b| truth(a == b)),
        Comparison::NotEqual => two(out, a, b, |a, b| truth(a != b)),
    }
}
