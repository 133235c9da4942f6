//! Builders: they simplify what can be simplified without looking further than two levels down.
//!
//! The rules are those of the real numbers: `0*x` is 0 even if x could be infinite at run time.

use super::{Arena, Comparison, ExprId, Function, Leaf, Node, Operation};

impl Arena {
    /// A number.
    pub fn constant(&mut self, value: f64) -> ExprId {
        let value = if value == 0.0 { 0.0 } else { value };
        self.intern(Node::Constant(value.to_bits()))
    }

    /// Yes or no.
    pub fn truth(&mut self, value: bool) -> ExprId {
        self.intern(Node::Truth(value))
    }

    /// Something read.
    pub fn leaf(&mut self, leaf: Leaf) -> ExprId {
        self.intern(Node::Leaf(leaf))
    }

    /// -a
    pub fn negate(&mut self, a: ExprId) -> ExprId {
        match self.node(a) {
            Node::Constant(bits) => self.constant(-f64::from_bits(bits)),
            Node::Negate(inner) => inner,
            Node::Binary(Operation::Subtract, x, y) => self.subtract(y, x),
            _ => self.intern(Node::Negate(a)),
        }
    }

    /// a + b
    pub fn add(&mut self, a: ExprId, b: ExprId) -> ExprId {
        match (self.constant_value(a), self.constant_value(b)) {
            (Some(x), Some(y)) => return self.constant(x + y),
            (Some(0.0), None) => return b,
            (None, Some(0.0)) => return a,
            _ => {}
        }
        if let Node::Negate(inner) = self.node(b) {
            return self.subtract(a, inner);
        }
        if let Node::Negate(inner) = self.node(a) {
            return self.subtract(b, inner);
        }
        self.commutative(Operation::Add, a, b)
    }

    /// a - b
    pub fn subtract(&mut self, a: ExprId, b: ExprId) -> ExprId {
        match (self.constant_value(a), self.constant_value(b)) {
            (Some(x), Some(y)) => return self.constant(x - y),
            (Some(0.0), None) => return self.negate(b),
            (None, Some(0.0)) => return a,
            _ => {}
        }
        if a == b {
            return self.constant(0.0);
        }
        if let Node::Negate(inner) = self.node(b) {
            return self.add(a, inner);
        }
        self.intern(Node::Binary(Operation::Subtract, a, b))
    }

    /// a * b
    pub fn multiply(&mut self, a: ExprId, b: ExprId) -> ExprId {
        let (x, y) = (self.constant_value(a), self.constant_value(b));
        match (x, y) {
            (Some(x), Some(y)) => return self.constant(x * y),
            (Some(0.0), _) | (_, Some(0.0)) => return self.constant(0.0),
            (Some(1.0), _) => return b,
            (_, Some(1.0)) => return a,
            (Some(-1.0), _) => return self.negate(b),
            (_, Some(-1.0)) => return self.negate(a),
            _ => {}
        }
        if let Node::Negate(inner) = self.node(a) {
            let product = self.multiply(inner, b);
            return self.negate(product);
        }
        if let Node::Negate(inner) = self.node(b) {
            let product = self.multiply(a, inner);
            return self.negate(product);
        }
        self.commutative(Operation::Multiply, a, b)
    }

    /// a / b
    pub fn divide(&mut self, a: ExprId, b: ExprId) -> ExprId {
        match (self.constant_value(a), self.constant_value(b)) {
            (Some(x), Some(y)) if y != 0.0 => return self.constant(x / y),
            (Some(0.0), _) => return a,
            (_, Some(1.0)) => return a,
            (_, Some(-1.0)) => return self.negate(a),
            _ => {}
        }
        if a == b {
            return self.constant(1.0);
        }
        if let Node::Negate(inner) = self.node(a) {
            let quotient = self.divide(inner, b);
            return self.negate(quotient);
        }
        self.intern(Node::Binary(Operation::Divide, a, b))
    }

    /// a ^ b; small whole powers become products, 1/2 a square root.
    pub fn power(&mut self, a: ExprId, b: ExprId) -> ExprId {
        match self.constant_value(b) {
            Some(0.0) => return self.constant(1.0),
            Some(1.0) => return a,
            Some(2.0) => return self.multiply(a, a),
            Some(3.0) => {
                let square = self.multiply(a, a);
                return self.multiply(square, a);
            }
            Some(4.0) => {
                let square = self.multiply(a, a);
                return self.multiply(square, square);
            }
            Some(0.5) => return self.apply(Function::Sqrt, a),
            Some(y) if y < 0.0 && y.fract() == 0.0 => {
                let one = self.constant(1.0);
                let exponent = self.constant(-y);
                let positive = self.power(a, exponent);
                return self.divide(one, positive);
            }
            _ => {}
        }
        self.intern(Node::Binary(Operation::Power, a, b))
    }

    /// a op b
    pub fn binary(&mut self, operation: Operation, a: ExprId, b: ExprId) -> ExprId {
        match operation {
            Operation::Add => self.add(a, b),
            Operation::Subtract => self.subtract(a, b),
            Operation::Multiply => self.multiply(a, b),
            Operation::Divide => self.divide(a, b),
            Operation::Power => self.power(a, b),
        }
    }

    fn commutative(&mut self, operation: Operation, a: ExprId, b: ExprId) -> ExprId {
        match self.existing(Node::Binary(operation, b, a)) {
            Some(id) => id,
            None => self.intern(Node::Binary(operation, a, b)),
        }
    }

    /// f(a)
    pub fn apply(&mut self, function: Function, a: ExprId) -> ExprId {
        let zero = self.constant_value(a) == Some(0.0);
        match function {
            Function::Exp | Function::Exprel | Function::Cos | Function::Erfc if zero => self.constant(1.0),
            Function::Expm1
            | Function::Sqrt
            | Function::Sin
            | Function::Tanh
            | Function::Atan
            | Function::Erf
            | Function::Abs
                if zero =>
            {
                a
            }
            Function::Exprel1 if zero => self.constant(0.5),
            Function::Exprel2 if zero => self.constant(1.0 / 3.0),
            Function::Ln if self.constant_value(a) == Some(1.0) => self.constant(0.0),
            Function::Sqrt => match self.constant_value(a) {
                Some(x) if x >= 0.0 => self.constant(x.sqrt()),
                _ => self.intern(Node::Apply(function, a)),
            },
            Function::Abs => match (self.constant_value(a), self.node(a)) {
                (Some(x), _) => self.constant(x.abs()),
                (_, Node::Negate(inner)) => self.apply(Function::Abs, inner),
                (_, Node::Apply(Function::Abs, _)) => a,
                _ => self.intern(Node::Apply(function, a)),
            },
            _ => self.intern(Node::Apply(function, a)),
        }
    }

    /// a op b, yes or no
    pub fn compare(&mut self, comparison: Comparison, a: ExprId, b: ExprId) -> ExprId {
        if let (Some(x), Some(y)) = (self.constant_value(a), self.constant_value(b)) {
            return self.truth(comparison.holds(x, y));
        }
        self.intern(Node::Compare(comparison, a, b))
    }

    /// a and b
    pub fn and(&mut self, a: ExprId, b: ExprId) -> ExprId {
        match (self.node(a), self.node(b)) {
            (Node::Truth(true), _) => b,
            (_, Node::Truth(true)) => a,
            (Node::Truth(false), _) => a,
            (_, Node::Truth(false)) => b,
            _ if a == b => a,
            _ => self.intern(Node::And(a, b)),
        }
    }

    /// a or b
    pub fn or(&mut self, a: ExprId, b: ExprId) -> ExprId {
        match (self.node(a), self.node(b)) {
            (Node::Truth(true), _) => a,
            (_, Node::Truth(true)) => b,
            (Node::Truth(false), _) => b,
            (_, Node::Truth(false)) => a,
            _ if a == b => a,
            _ => self.intern(Node::Or(a, b)),
        }
    }

    /// not a
    pub fn not(&mut self, a: ExprId) -> ExprId {
        match self.node(a) {
            Node::Truth(value) => self.truth(!value),
            Node::Not(inner) => inner,
            _ => self.intern(Node::Not(a)),
        }
    }

    /// if c { a } else { b }
    pub fn select(&mut self, c: ExprId, a: ExprId, b: ExprId) -> ExprId {
        match self.node(c) {
            Node::Truth(true) => a,
            Node::Truth(false) => b,
            _ if a == b => a,
            Node::Not(inner) => self.select(inner, b, a),
            _ => match self.node(b) {
                // if c { a } else { if c { _ } else { b } }
                Node::Select(c2, _, b2) if c2 == c => self.select(c, a, b2),
                _ => match self.node(a) {
                    Node::Select(c2, a2, _) if c2 == c => self.select(c, a2, b),
                    _ => self.intern(Node::Select(c, a, b)),
                },
            },
        }
    }

    /// The value of a without its gradient.
    pub fn detach(&mut self, a: ExprId) -> ExprId {
        match self.node(a) {
            Node::Constant(_) | Node::Truth(_) | Node::Detach(_) => a,
            _ => self.intern(Node::Detach(a)),
        }
    }

    /// The spike variable of a threshold at distance x.
    pub fn spike(&mut self, x: ExprId) -> ExprId {
        self.intern(Node::Spike(x))
    }

    /// max(a, b) = if a > b { a } else { b }
    pub fn max(&mut self, a: ExprId, b: ExprId) -> ExprId {
        let c = self.compare(Comparison::Greater, a, b);
        self.select(c, a, b)
    }

    /// min(a, b) = if a < b { a } else { b }
    pub fn min(&mut self, a: ExprId, b: ExprId) -> ExprId {
        let c = self.compare(Comparison::Less, a, b);
        self.select(c, a, b)
    }

    /// relu(a) = if a > 0 { a } else { 0 }
    pub fn relu(&mut self, a: ExprId) -> ExprId {
        let zero = self.constant(0.0);
        self.max(a, zero)
    }

    /// heaviside(a) = if a >= 0 { 1 } else { 0 }
    pub fn heaviside(&mut self, a: ExprId) -> ExprId {
        let zero = self.constant(0.0);
        let one = self.constant(1.0);
        let c = self.compare(Comparison::GreaterEqual, a, zero);
        self.select(c, one, zero)
    }
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::GreaterEqual, Self::Greater, Self::LessEqual, Self::Less, Self::Equal, Self::NotEqual];

    /// The truth of the comparison for two numbers.
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Comparison::GreaterEqual => a >= b,
            Comparison::Greater => a > b,
            Comparison::LessEqual => a <= b,
            Comparison::Less => a < b,
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
        }
    }

    /// Its sign in the language and in Rust.
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::GreaterEqual => ">=",
            Comparison::Greater => ">",
            Comparison::LessEqual => "<=",
            Comparison::Less => "<",
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
        }
    }
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Add, Self::Subtract, Self::Multiply, Self::Divide, Self::Power];
}

impl Function {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::Exp,
        Self::Expm1,
        Self::Exprel,
        Self::Exprel1,
        Self::Exprel2,
        Self::Ln,
        Self::Sqrt,
        Self::Sin,
        Self::Cos,
        Self::Tanh,
        Self::Atan,
        Self::Sigmoid,
        Self::Erf,
        Self::Erfc,
        Self::Abs,
    ];

    /// Its name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Function::Exp => "exp",
            Function::Expm1 => "expm1",
            Function::Exprel => "exprel",
            Function::Exprel1 => "exprel1",
            Function::Exprel2 => "exprel2",
            Function::Ln => "ln",
            Function::Sqrt => "sqrt",
            Function::Sin => "sin",
            Function::Cos => "cos",
            Function::Tanh => "tanh",
            Function::Atan => "atan",
            Function::Sigmoid => "sigmoid",
            Function::Erf => "erf",
            Function::Erfc => "erfc",
            Function::Abs => "abs",
        }
    }
}
