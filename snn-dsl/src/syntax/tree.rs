//! The syntax tree: what was written, with its places, before any name or unit is looked up.

use crate::source::Span;

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where.
    pub span: Span,
}

/// One source text.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct File {
    /// Its items, in order.
    pub items: Vec<Item>,
}

/// A top-level definition.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a file has few items")]
pub enum Item {
    /// `neuron NAME { ... }`
    Neuron(Neuron),
    /// `synapse NAME { ... }`
    Synapse(Synapse),
    /// `network NAME { ... }`
    Network(Network),
    /// `surrogate NAME(parameters) { ... }`
    Surrogate(Surrogate),
    /// `fn NAME(arguments) = expression`
    Function(Function),
    /// `const NAME = expression`
    Const(Const),
    /// A construct of the language that is not built yet: the keyword that begins it.
    Unsupported(Ident),
}

/// `neuron NAME { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Neuron {
    /// The `///` lines before it, without the slashes and one leading space.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// What stands between the braces.
    pub statements: Vec<NeuronStatement>,
}

/// A statement of a neuron.
#[derive(Clone, Debug, PartialEq)]
pub enum NeuronStatement {
    /// `param NAME = DEFAULT [in LOW .. HIGH] [trainable] [per neuron]`
    Param(Param),
    /// `state NAME : UNIT = INITIAL` (the initial value may be left out: 0)
    State(State),
    /// `event NAME : UNIT`
    Event(Port),
    /// `drive NAME : UNIT`
    Drive(Port),
    /// `let NAME = VALUE`
    Let(Let),
    /// `[COEFFICIENT [*]] dSTATE/dt = RHS`
    Equation(Equation),
    /// `on PORT { ... }`
    On(On),
    /// `spike when LHS >= RHS ... { ... }`
    Spike(Spike),
    /// `refractory TIME holding STATES [events kept]`
    Refractory(Refractory),
    /// `integrate METHOD`
    Integrate(Ident),
    /// A construct of the language that is not built yet: the words that name it.
    Unsupported(Ident),
}

/// `synapse NAME { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Synapse {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// What stands between the braces.
    pub statements: Vec<SynapseStatement>,
}

/// Where a quantity of a synapse lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// One for each source neuron.
    Pre,
    /// One for each target neuron.
    Post,
    /// One for each connection.
    Edge,
}

/// A statement of a synapse.
#[derive(Clone, Debug, PartialEq)]
pub enum SynapseStatement {
    /// `param`, `let`, an equation, `on pre { ... }`, `on post { ... }`, `integrate`
    Common(NeuronStatement),
    /// `weight NAME : UNIT`
    Weight(Port),
    /// `reads NAME : UNIT` of the target, `reads pre NAME : UNIT` of the source
    Reads(Side, Port),
    /// `[pre | post | edge] state NAME : UNIT = INITIAL`; without a word it is `post`
    State(Side, State),
    /// `sum NAME : UNIT = WEIGHT*VALUE`
    Sum(Port, Expr),
    /// `output VALUE`
    Output(Expr),
}

/// `param NAME = DEFAULT [in LOW .. HIGH] [trainable] [per neuron]`
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its value; a call of `uniform`, `normal` or `loguniform` draws one value a neuron.
    pub default: Expr,
    /// The range of allowed values; either end may be left out.
    pub range: Option<ValueRange>,
    /// The word `trainable`.
    pub trainable: Option<Span>,
    /// The words `per neuron`.
    pub per_neuron: Option<Span>,
}

/// `LOW .. HIGH`
#[derive(Clone, Debug, PartialEq)]
pub struct ValueRange {
    /// The lower end.
    pub low: Option<Expr>,
    /// The upper end.
    pub high: Option<Expr>,
    /// Both ends.
    pub span: Span,
}

/// `state NAME : UNIT = INITIAL`
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its unit, an expression of units; `1` or left out for dimensionless.
    pub unit: Option<Expr>,
    /// Its value at the start.
    pub initial: Option<Expr>,
}

/// `event NAME : UNIT`, `drive NAME : UNIT`
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its unit, an expression of units; `1` or left out for dimensionless.
    pub unit: Option<Expr>,
}

/// `let NAME = VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub value: Expr,
}

/// `[COEFFICIENT [*]] dSTATE/dt = RHS`
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    /// What multiplies the derivative.
    pub coefficient: Option<Expr>,
    /// The state; its span is that of `dSTATE`, without the slash.
    pub state: Ident,
    /// The right-hand side.
    pub rhs: Expr,
    /// The whole equation.
    pub span: Span,
}

/// `on PORT { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct On {
    /// The port.
    pub port: Ident,
    /// The assignments, carried out in order.
    pub body: Vec<Assign>,
}

/// How an assignment changes its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssignOp {
    /// `=`
    Set,
    /// `+=`
    Add,
    /// `-=`
    Subtract,
    /// `*=`
    Multiply,
}

/// `TARGET op VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Assign {
    /// The state that changes.
    pub target: Ident,
    /// How.
    pub op: AssignOp,
    /// The operand.
    pub value: Expr,
    /// The whole assignment.
    pub span: Span,
}

/// `spike [NAME] when LHS >= RHS [surrogate NAME(ARGS)] [scale [detached] EXPR] [reset [detached] [next_step]] { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Spike {
    /// The word `spike`.
    pub keyword: Span,
    /// The name of the threshold.
    pub name: Option<Ident>,
    /// The condition, an arbitrary expression (the checker wants a `>=` or `>` comparison).
    pub condition: Expr,
    /// The surrogate with its arguments.
    pub surrogate: Option<Call>,
    /// The scale.
    pub scale: Option<Expr>,
    /// `scale detached`
    pub scale_detached: Option<Span>,
    /// `reset detached`
    pub reset_detached: Option<Span>,
    /// `reset next_step`
    pub reset_next_step: Option<Span>,
    /// The assignments of the reset, carried out in order; none if there is no block.
    pub reset: Vec<Assign>,
}

/// `refractory TIME holding STATE, STATE [events kept]`
#[derive(Clone, Debug, PartialEq)]
pub struct Refractory {
    /// The word `refractory`.
    pub keyword: Span,
    /// How long.
    pub duration: Expr,
    /// The states that are constants meanwhile.
    pub holding: Vec<Ident>,
    /// `events kept`
    pub events_kept: Option<Span>,
}

/// `surrogate NAME(PARAMETER = DEFAULT, ...) { ... }`; the variable is `x`.
#[derive(Clone, Debug, PartialEq)]
pub struct Surrogate {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its parameters with their defaults.
    pub parameters: Vec<Let>,
    /// `let` lines, visible to the lines after them.
    pub lets: Vec<Let>,
    /// `derivative = g(x)`: used by the backward pass.
    pub derivative: Option<Expr>,
    /// `primitive = G(x)`: the smooth function whose derivative it is.
    pub primitive: Option<Expr>,
    /// `support = w`: g is zero for |x| > w.
    pub support: Option<Expr>,
}

/// `fn NAME(ARGUMENT, ...) = BODY`
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its arguments.
    pub arguments: Vec<Ident>,
    /// Its value.
    pub body: Expr,
}

/// `const NAME = VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Const {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its value.
    pub value: Expr,
}

/// `network NAME { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// The `///` lines before it.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// What stands between the braces.
    pub statements: Vec<NetworkStatement>,
}

/// A statement of a network.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "a network has few statements")]
pub enum NetworkStatement {
    /// `simulate dt = TIME, for TIME`
    Simulate(Simulate),
    /// `input NAME[SIZE] KIND`
    Input(Input),
    /// `target NAME : KIND[SIZE]`
    Target(Target),
    /// `layer NAME[SIZE] = MODEL(ARGS)` or `layer NAME[CHANNELS, HEIGHT, WIDTH] = MODEL(ARGS)`
    Layer(Layer),
    /// `SOURCE[PART].SIGNAL -> TARGET[PART].PORT : OPTION, OPTION`
    Projection(Projection),
    /// `let NAME = VALUE`
    Let(Let),
    /// `loss EXPRESSION`
    Loss(Loss),
    /// `readout NAME = EXPRESSION`
    Readout(Let),
    /// A construct of the language that is not built yet: the words that name it.
    Unsupported(Ident),
}

/// `simulate dt = TIME, for TIME`
#[derive(Clone, Debug, PartialEq)]
pub struct Simulate {
    /// The word `simulate`.
    pub keyword: Span,
    /// The time step.
    pub dt: Expr,
    /// The length of a sample.
    pub duration: Expr,
}

/// `input NAME[SIZE] KIND`
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Its name.
    pub name: Ident,
    /// The number of channels, or those of a grid: channels, height, width.
    pub shape: Vec<Expr>,
    /// `spikes`, `values`, or another word for the checker to reject.
    pub kind: Ident,
}

/// `target NAME : KIND[SIZE] [over time]`
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name.
    pub name: Ident,
    /// `class` or `values`.
    pub kind: Ident,
    /// The number of classes or values.
    pub size: Expr,
    /// Given for every step.
    pub over_time: bool,
}

/// `layer NAME[SIZE] = MODEL(ARGS) [, dropout P]`
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name.
    pub name: Ident,
    /// The number of neurons, or the sides of their grid.
    pub shape: Vec<Expr>,
    /// The neuron model with its arguments.
    pub model: Call,
    /// The probability with which a neuron sends nothing in training.
    pub dropout: Option<Expr>,
}

/// `SOURCE -> TARGET.PORT : OPTION, OPTION`
#[derive(Clone, Debug, PartialEq)]
pub struct Projection {
    /// The input or layer that sends.
    pub source: Ident,
    /// The neurons of it that send.
    pub sources: Option<ValueRange>,
    /// The state that is sent instead of spikes.
    pub signal: Option<Ident>,
    /// The layer that receives.
    pub target: Ident,
    /// The neurons of it that receive.
    pub targets: Option<ValueRange>,
    /// The event port or drive.
    pub port: Ident,
    /// The options after the colon.
    pub options: Vec<ProjectionOption>,
    /// The whole statement.
    pub span: Span,
}

/// An option of a projection with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectionOption {
    /// What.
    pub kind: ProjectionOptionKind,
    /// The whole option.
    pub span: Span,
}

/// An option of a projection.
#[derive(Clone, Debug, PartialEq)]
pub enum ProjectionOptionKind {
    /// `dense`, `one_to_one`, `random(p)`, ...: any call or word that is none of those below.
    Connectivity(Call),
    /// `edges("FILE")`: the text between the quotes, with its place.
    Edges(Ident),
    /// `bias`
    Bias,
    /// `delay 1 step`, `delay 2 ms` (`step` and `steps` arrive as the unit of the number)
    Delay(Expr),
    /// `init NAME(ARGS)`
    Init(Call),
    /// `sign +` (true) or `sign -`
    Sign(bool),
    /// `no_self`
    NoSelf,
    /// `frozen`
    Frozen,
    /// `lr x FACTOR`
    LearningRate(Expr),
    /// `clip LOW .. HIGH`
    Clip(ValueRange),
}

/// `loss EXPRESSION`
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// The word `loss`.
    pub keyword: Span,
    /// Its value.
    pub value: Expr,
}

/// `NAME(ARGS)`; the brackets may be left out where a name is enough.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name.
    pub name: Ident,
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// The whole call.
    pub span: Span,
}

/// `VALUE` or `NAME = VALUE`
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// The name of a named argument.
    pub name: Option<Ident>,
    /// Its value.
    pub value: Expr,
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `20`, `20 ms`, `3 mV^2`
    Number {
        /// The value as written, not scaled by the unit.
        value: f64,
        /// The unit directly after the number, and its power.
        unit: Option<(Ident, i32)>,
    },
    /// `V`
    Name(String),
    /// `out.V`
    Field(Ident, Ident),
    /// `exp(x)`
    Call(Call),
    /// `-x`, `not x`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `if c { a } else { b }`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// A prefix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `not`
    Not,
}

/// An infix operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `^`
    Power,
    /// `>=`
    GreaterEqual,
    /// `>`
    Greater,
    /// `<=`
    LessEqual,
    /// `<`
    Less,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `and`
    And,
    /// `or`
    Or,
}
