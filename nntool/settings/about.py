"""Options of ``train`` that are methods themselves: equation, source, when to use them.

What a choice from a registry is stands with its class; these have none. ``--explain`` and the
page of methods show them below the help of the option. Symbols: θ parameters, w weights, g gradient
of the batch's mean loss, η learning rate, z what a unit gets, h what it gives.
"""

ABOUT: dict[str, str] = {
    "parametric_activation": """\
h = z + α(f(z) − z), α learned for each hidden unit, 1 at first and exempt from penalties.
With relu this is the PReLU of He et al. 2015, arXiv 1502.01852, its slope 1 − α.
Use: with more than a few thousand rows, where the best activation is not known.""",
    "batch_norm": """\
h = f(γ(z − μ)/√(σ² + 1e-5) + β); μ and σ² (by 1/n) of the unit over the batch, γ and β learned.
In prediction running values: 0.9·old + 0.1·batch, the variance of the batch by 1/(n − 1).
Ioffe & Szegedy 2015, arXiv 1502.03167.
Use: deep or slow networks with batches of 16 rows or more; it allows larger learning rates.""",
    "layer_norm": """\
h = f(γ(z − μ)/√(σ² + 1e-5) + β); μ and σ² of the row over the units of the layer, γ and β learned.
Ba, Kiros & Hinton 2016, arXiv 1607.06450.
Use: as --batch-norm, with small batches or single rows; training and prediction do the same.""",
    "label_smoothing": """\
y ← y(1 − s) + s/K, K the number of classes. Szegedy et al. 2016, arXiv 1512.00567.
Use: some labels are wrong, or probabilities come out too close to 0 and 1; s from 0.05 to 0.1.""",
    "target_coding": """\
one-hot: y ∈ {0, 1}; bipolar: y ∈ {−1, +1}, with a tanh output.
LeCun, Bottou, Orr & Müller 1998, Efficient BackProp.
Use: bipolar to follow texts that train classes by squared error under tanh; else leave it.""",
    "class_weights": """\
The loss of a row counts w_c, c its class; balanced: w_c = n/(K·n_c), n_c rows of n, K classes.
All weights are scaled to mean 1 over training rows. King & Zeng 2001, Political Analysis 9.
Use: a rare class matters as much as a frequent one; probabilities are then of balanced classes.""",
    "sample_weight": """\
The loss of a row counts s, scaled to mean 1 over training rows; validation rows by the same factor.
Horvitz & Thompson 1952, JASA 47.
Use: rows stand for several cases, or some are to be trusted less.""",
    "optimizer": """\
auto: lbfgs with at most 10,000 training rows and 20,000 weights, where --batch-size,
--learning-rate and --schedule are at their defaults, and nothing is drawn or belongs to
mini-batches: no dropout (--dropout auto is some), noise, augmentation, batch norm, stochastic
units, averages, clipping, --max-norm, decay; else adam. Training says which, and why.
Liu & Nocedal 1989, Mathematical Programming 45; Kingma & Ba 2015, arXiv 1412.6980.
Use: auto; --dropout 0 with --penalty l2:rate=… for lbfgs, which has no rate to choose.""",
    "learning_rate": """\
auto, a range test: the rate grows from update to update, and that halfway down the fall of the
smoothed loss is taken, at most a tenth of the one at its lowest. After Smith 2017, arXiv
1506.01186.
Use: unset at first; auto or a tenth where the diagnosis says the rate is too high or too low.""",
    "warmup": """\
η grows in proportion to the updates done, up to its value by the schedule.
Goyal et al. 2017, arXiv 1706.02677.
Use: large batches or rates, where the first updates throw the loss up; 1 to 5 epochs.""",
    "layer_rates": """\
η of a layer times 1/√n_in (inverse-sqrt) or √n_in (sqrt), n_in its inputs, both over their
geometric mean, so that η keeps its meaning; or times what is given.
LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.7.
Use: plain rules (sgd, momentum) where layers differ in width; a factor of 0 freezes a layer,
but for --max-norm.""",
    "weight_decay": """\
w ← (1 − ηλ)w before the rule, which does not see it. Loshchilov & Hutter 2019, arXiv 1711.05101.
Use: in place of the penalty l2 with adaptive rules (adam and its kin), which rescale that.""",
    "clip_value": """\
g_i ← min(max(g_i, −c), c). Mikolov 2012, thesis, Brno.
Use: single weights jump; --clip-norm keeps the direction and is the better first try.""",
    "clip_norm": """\
g ← g·c/max(c, ‖g‖). Pascanu, Mikolov & Bengio 2013, arXiv 1211.5063.
Use: the diagnosis tells of exploding gradients, or the loss leaps now and then; c from 1 to 10.""",
    "batch_size": """\
g is the mean over a batch: 1 (online), N, or all training rows. Robbins & Monro 1951;
LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.1.
Use: auto; larger for speed and calmer updates, smaller for fewer epochs and a better fit.""",
    "balanced_batches": """\
Each batch holds the classes equally often, up to one row; rows of rare classes come up repeatedly.
Japkowicz & Stephen 2002, Intelligent Data Analysis 6.
Use: a class so rare that many batches have none of it; else --class-weights balanced.""",
    "emphasize_errors": """\
Half of the rows are drawn evenly, half in proportion to the loss that they had last.
LeCun, Bottou, Orr & Müller 1998, Efficient BackProp, section 4.2.
Use: most rows are right early; not where labels are wrong, as these would be drawn most.""",
    "max_norm": """\
w ← w·c/max(c, ‖w‖) after each update, w the incoming weights of a unit.
Hinton et al. 2012, arXiv 1207.0580.
Use: with dropout and large learning rates; c from 2 to 4.""",
    "dropout": """\
h ← h·m/(1 − p) in training, m 1 with probability 1 − p, else 0. Srivastava et al. 2014, JMLR 15.
Use: the gap between training and validation is large; 0.1 to 0.5, more with few rows.""",
    "input_dropout": """\
x ← x·m/(1 − p) in training, m 1 with probability 1 − p, else 0. Srivastava et al. 2014, JMLR 15.
Use: many features that say the same; 0.05 to 0.2.""",
    "input_noise": """\
x ← x + ε in training, ε ~ N(0, σ²). For a linear unit under mse the same on average as the penalty
l2 with λ = 2σ² (half-mse: σ²). Bishop 1995, Neural Computation 7.
Use: few rows, and features measured with errors; 0.05 to 0.2 where they are standardized.""",
    "weight_noise": """\
The gradient is taken at w + ε, ε ~ N(0, σ²) anew in each batch. An 1996, Neural Computation 8.
Use: to look for flat minima, in place of dropout; 0.01 to 0.1.""",
    "activation_noise": """\
h ← h + ε in training, ε ~ N(0, σ²). Poole, Sohl-Dickstein & Ganguli 2014, arXiv 1406.1831.
Use: as dropout, where units are to be blurred and not silenced; 0.05 to 0.3.""",
    "patience": """\
Training stops after this many epochs in a row without progress of more than --min-delta, and the
weights of the best epoch are kept; epochs in which --monitor is not measured do not count.
Prechelt 1998, Early stopping: but when?
Use: always with validation rows; more with --schedule plateau or noisy metrics.""",
    "ensemble": """\
p̄ = Σp_k/K over K networks that differ in first weights, order of rows and dropout; of a regression
the mean value. Hansen & Salamon 1990, IEEE PAMI 12; Lakshminarayanan, Pritzel & Blundell 2017,
arXiv 1612.01474.
Use: a better and steadier answer is worth K times the training; 5 to 10 give most of it.""",
    "bagging": """\
Member k learns from n rows drawn with replacement from the n training rows; 1 − 1/e = 63.2 % of
them come up. Breiman 1996, Machine Learning 24.
Use: few, noisy rows and networks that overfit; else the seeds alone make members differ enough.""",
    "snapshots": """\
η = η₀·½(1 + cos πτ), τ from 0 to 1 in each of M cycles; θ at the end of each is a member.
Huang et al. 2017, arXiv 1704.00109.
Use: an ensemble for the price of one training; 5 cycles of 20 to 100 epochs.""",
    "averaging": """\
arithmetic: p̄ = Σp_k/K; geometric: p̄ ∝ (Πp_k)^(1/K), which one network that is sure can veto.
Genest & Zidek 1986, Statistical Science 1.
Use: arithmetic; geometric where sharper probabilities serve better.""",
}
