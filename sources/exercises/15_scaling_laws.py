# ---
# lesson: 15_scaling_laws
# ---

# %% [markdown]
r"""
Seven exercises. First the bill of a run. Then a power law is fitted, with the floor known and with the floor unknown,
it is put to the test on runs that it has not seen, and it gets an interval. The sixth finds the model of a given quality
that is cheapest if it will also be used. The last one asks for numbers and letters instead of code.

Letters: N parameters, D tokens, C FLOPs of a run, R runs in a table. The law is
$L(N, D) = E + A / N^\alpha + B / D^\beta$, with losses in nats a token. Where only N varies, the last term is left out.
All tables of runs hold 64-bit numbers, and their rows stand in **no particular order**.
"""

# %%
import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_lib import check

# %% [markdown] exercise="15.1"
r"""
Before anybody starts a run, somebody has to say how long it will take, what it costs, and what it does to the air. None
of that needs the model. It needs N, D and a few facts about the machines:

- training takes $C = 6ND$ FLOPs;
- a GPU promises `peak` FLOPs a second and reaches the share `utilization` of it;
- while it works, it draws `watts`, and the building draws `pue` times as much as its computers, for cooling among other
  things (*power usage effectiveness*);
- an hour of one GPU costs `dollars_per_hour`;
- each kilowatt hour of electricity brings `kg_per_kwh` kilograms of CO₂ into the air.

The work is shared evenly by `n_gpus` GPUs.

- **Takes** the nine numbers, in the order of the stub.
- **Returns** a dictionary with five numbers: `"gpu_hours"`, the hours that all GPUs work, added up; `"days"`, how long it
  takes on the clock; `"dollars"`; `"kwh"`, the energy that the building takes for it, in kilowatt hours; and `"tonnes"`
  of CO₂.

Example: $10^9$ parameters, $2 \cdot 10^{10}$ tokens, 8 GPUs with a peak of $10^{15}$, utilization 0.4, 700 watts, PUE
1.2, 2 dollars, 0.4 kg. Then $C = 1.2 \cdot 10^{20}$, which is 300,000 seconds or 83.33 GPU hours. On the clock that is
0.434 days. It costs 166.67 dollars, takes $83.33 \cdot 0.7 \cdot 1.2 = 70$ kWh and makes 0.028 tonnes.
"""


# %%
def budget(
    n_parameters: float,
    n_tokens: float,
    n_gpus: int,
    peak: float,
    utilization: float,
    watts: float,
    pue: float,
    dollars_per_hour: float,
    kg_per_kwh: float,
) -> dict[str, float]:
    """What a run costs: `{"gpu_hours": ..., "days": ..., "dollars": ..., "kwh": ..., "tonnes": ...}`."""
    ### BEGIN SOLUTION
    flops = 6 * n_parameters * n_tokens
    gpu_hours = flops / (peak * utilization) / 3600
    kwh = gpu_hours * watts / 1000 * pue
    return {
        "gpu_hours": gpu_hours,
        "days": gpu_hours / n_gpus / 24,
        "dollars": gpu_hours * dollars_per_hour,
        "kwh": kwh,
        "tonnes": kwh * kg_per_kwh / 1000,
    }
    ### END SOLUTION


# %%
check("15.1", budget)
# %% [markdown] tags=["hint"]
r"""
Begin with one GPU. How many FLOPs does it really do in a second, and how many hours would it take alone? Which of the five
numbers change if there are eight?
"""

# %% [markdown] tags=["hint"]
r"""
The GPU hours are $C$ / (peak · utilization) / 3600, however many GPUs there are. Only the days depend on their number.
A GPU of 700 watts takes 0.7 kWh in each of its hours.
"""

# %% [markdown] tags=["hint"]
r"""
`gpu_hours = 6 * n_parameters * n_tokens / (peak * utilization) / 3600` and
`kwh = gpu_hours * watts / 1000 * pue`. The days are `gpu_hours / n_gpus / 24`, the tonnes `kwh * kg_per_kwh / 1000`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Try it with GPT-3: $3.14 \cdot 10^{23}$ FLOPs on 10,000 V100. The totals that
  [Patterson and others (2021)](https://arxiv.org/abs/2104.10350) published come to 24.6 TFLOPs a second, 362 watts with
  the building's share in it (so the PUE is 1 here) and 0.429 kg a kilowatt hour, as the lesson works out. Put them in, and
  out come 14.8 days and, within half a percent, the published 1,287 MWh and 552 tonnes.
- With twice as many GPUs the days halve. Dollars, energy and CO₂ stay, as long as the utilization does. In practice it
  falls, because more machines have to wait for one another.
- The utilization divides the hours and nothing else. A GPU that waits for data or for its neighbours draws nearly as much
  power, so multiplying the watts by it would count the same thing twice, and the wrong way round.
- What is left out: runs that failed, runs for choosing a learning rate, making the machines, and all the use of the model
  afterwards.
"""

# %% [markdown] exercise="15.2"
r"""
If a loss falls like $L = E + A / N^\alpha$, then $\ln(L - E) = \ln A - \alpha \ln N$: logarithms of one against
logarithms of the other make a straight line. So a law can be fitted with what everybody knows, the line of least squares,
provided that the floor E is known. Fit that line, and make A and α of it.

- **Takes** `sizes`, shape `(R,)`, the N of each run; `losses`, shape `(R,)`; and the number `floor`, which is below all
  losses.
- **Returns** two numbers: A and α. The line is the one for which the sum of squared errors of $\ln(L - E)$ is smallest.

Example: sizes `[100, 10000]`, losses `[3, 2.1]`, floor 2. Above the floor there is 1, and then 0.1: a tenth, for a hundred
times the size. So $\alpha = \frac12$, and $A = 1 \cdot 100^{1/2} = 10$. Had you taken the floor for 0, it would be
$\alpha = 0.077$: the same two runs, and another law.

There are at least two runs with different sizes. `torch.linalg.lstsq` and `numpy.polyfit` are welcome, the textbook's
formula as well.
"""


# %%
def power_law(sizes: Float[Tensor, "R"], losses: Float[Tensor, "R"], floor: float) -> tuple[float, float]:
    """A and α of the law floor + A / N^α, by least squares on the logarithms."""
    ### BEGIN SOLUTION
    x, y = sizes.log(), (losses - floor).log()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    intercept = y.mean() - slope * x.mean()
    return math.exp(intercept), -slope.item()
    ### END SOLUTION


# %%
check("15.2", power_law)
# %% [markdown] tags=["hint"]
r"""
Call the logarithms x and y. What are slope and intercept of the line y = slope · x + intercept, in terms of A and α?
"""

# %% [markdown] tags=["hint"]
r"""
The slope of least squares is $\sum (x - \bar x)(y - \bar y) / \sum (x - \bar x)^2$, and the line passes through
$(\bar x, \bar y)$. The intercept is $\ln A$, not A. And a falling line has a negative slope.
"""

# %% [markdown] tags=["hint"]
r"""
`x, y = sizes.log(), (losses - floor).log()`, then the slope as above, and
`math.exp(y.mean() - slope * x.mean()), -slope.item()`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The floor has to go before the logarithm. $\ln L - E$ is just a line moved downwards.
- With a wrong floor the points lie on no line at all, but over a short range they look as if they did. Six runs that span a
  factor of ten will follow a straight line with floor 0 quite well, and its exponent is far too small.
- Joining the smallest and the largest run trusts two of them completely and the rest not at all.
- Least squares of y on x and of x on y are two different lines as soon as there is noise. The sizes are known exactly, so
  the errors to be made small are those of the loss.
- Small errors of $\ln(L - E)$ are not small errors of L: close to the floor, noise of 0.01 nats is a large
  share of what is left. That is one reason why the next exercise fits the losses themselves.
"""

# %% [markdown] exercise="15.3"
r"""
For human language nobody knows the floor. It has to be fitted with the rest, and then the line is gone:
$E + A / N^\alpha$ has three unknowns, and one of them is an exponent.

Yet if α is held fixed, the rest is easy. With $p = N^{-\alpha}$ the law says $L = E + A \cdot p$, which is a straight line
in p. So try one exponent after the other, find the best line for each, and keep the law whose errors are smallest. This
trick is called *variable projection* ([Golub and Pereyra, 1973](https://doi.org/10.1137/0710036)).

- **Takes** `sizes` and `losses`, shape `(R,)`; and `exponents`, shape `(M,)`, the α that may be tried, all positive.
- **Returns** three numbers: E, A and α, with the smallest sum of squared errors $\sum (E + A / N^\alpha - L)^2$, where α is
  on the list and E and A are any numbers, below 0 too.

Example: sizes `[1, 4, 16]`, losses `[6, 4, 3]`, exponents `[0.25, 0.5, 1]`. With $\alpha = \frac12$ the powers are 1, ½ and
¼, and $2 + 4p$ meets all three losses. So the answer is E = 2, A = 4, α = 0.5.

There are at least three runs. `torch.linalg.lstsq` and `numpy.polyfit` are welcome.
"""


# %%
def fit_with_floor(
    sizes: Float[Tensor, "R"], losses: Float[Tensor, "R"], exponents: Float[Tensor, "M"]
) -> tuple[float, float, float]:
    """E, A and α of the law E + A / N^α with the smallest squared errors, α being one of `exponents`."""
    ### BEGIN SOLUTION
    best_error, best = math.inf, (0.0, 0.0, 0.0)
    for alpha in exponents.tolist():
        powers = sizes**-alpha
        inputs = torch.stack([torch.ones_like(powers), powers], dim=1)
        E, A = torch.linalg.lstsq(inputs, losses[:, None]).solution.flatten().tolist()
        error = ((E + A * powers - losses) ** 2).sum().item()
        if error < best_error:
            best_error, best = error, (E, A, alpha)
    return best
    ### END SOLUTION


# %%
check("15.3", fit_with_floor)
# %% [markdown] tags=["hint"]
r"""
Write a loop over the exponents. What has to be remembered from one turn to the next?
"""

# %% [markdown] tags=["hint"]
r"""
For one α, let `powers = sizes ** -alpha`. The line of the losses on the powers has the slope A and the intercept E: the
same formula as in the exercise before, this time without any logarithm. (`numpy.polyfit(powers, losses, 1)` gives slope
and intercept.)
"""

# %% [markdown] tags=["hint"]
r"""
`A = ((p - p.mean()) * (losses - losses.mean())).sum() / ((p - p.mean()) ** 2).sum()` with `p = sizes ** -alpha`, and
`E = losses.mean() - A * p.mean()`. The error is `((E + A * p - losses) ** 2).sum()`. If it is smaller than the smallest so
far, remember it together with `(E, A, alpha)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- The lowest loss is not the floor. Taking it for E says that the best model of the table could not be improved at all.
- E, A and α have to come from one and the same turn of the loop.
- Look at the errors of neighbouring exponents: they hardly differ. A larger α with a higher floor fits nearly as well as a
  smaller α with a lower floor. That is why an E from a handful of runs has a wide interval, and why a fit is so bad at
  looking far ahead.
- [Hoffmann and others (2022)](https://arxiv.org/abs/2203.15556) make $\ln L$ agree instead of $L$, and their measure of
  error (Huber's) lets single bad runs count less. The idea is the same: the nearest law of a given form.
- A gradient descent on E, A and α at once also works, given care. Here two of three unknowns need no descent at all.
"""

# %% [markdown] exercise="15.4"
r"""
A law is fitted on small runs, so that it says something about a large one. The only way to find out whether it does: keep
the largest runs away from it, let it predict them, and compare.

An error alone says little. Against what? A guess that needs no law at all: the large run will be **as good as the best run
so far**.

- **Takes** `sizes` and `losses`, shape `(R,)`; a function `fit`; and `n_held_out`. `fit(sizes, losses)` takes two tensors
  and returns a function that takes a tensor of sizes and returns the predicted losses, same shape.
- **Returns** two numbers. The first is the mean of |predicted − measured| over the `n_held_out` **largest** runs, by a law
  fitted on all the others. The second is the mean of |guess − measured| over the same runs, the guess being the lowest loss
  among those others.

Example: sizes `[4, 1, 16, 64]`, losses `[4, 6, 3, 2.6]`, one run held out. It is the last, 64. The law $2 + 4 / \sqrt N$
fits the other three, and predicts 2.5: an error of 0.1. The guess is 3, with an error of 0.4. So the answer is
`(0.1, 0.4)`.

No two sizes are equal. `n_held_out` is at least 1, and at least two runs are left to fit.
"""


# %%
def forecast(
    sizes: Float[Tensor, "R"],
    losses: Float[Tensor, "R"],
    fit: Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]],
    n_held_out: int,
) -> tuple[float, float]:
    """Mean error on the largest runs, in nats: of the law that was fitted without them, and of "as the best so far"."""
    ### BEGIN SOLUTION
    order = sizes.argsort()
    seen, held_out = order[:-n_held_out], order[-n_held_out:]
    law = fit(sizes[seen], losses[seen])
    error = (law(sizes[held_out]) - losses[held_out]).abs().mean()
    baseline = (losses[seen].min() - losses[held_out]).abs().mean()
    return error.item(), baseline.item()
    ### END SOLUTION


# %%
check("15.4", forecast)
# %% [markdown] tags=["hint"]
r"""
The runs stand in no order. First find the places of the largest: which function of torch gives the places in the order of
the values?
"""

# %% [markdown] tags=["hint"]
r"""
`order = sizes.argsort()` goes from the smallest to the largest. `order[:-n_held_out]` and `order[-n_held_out:]` are the
places of the two groups, and both `sizes` and `losses` can be indexed with them.
"""

# %% [markdown] tags=["hint"]
r"""
`law = fit(sizes[seen], losses[seen])`, and then `(law(sizes[held_out]) - losses[held_out]).abs().mean()`. For the guess,
`losses[seen].min()` takes the place of the law.
"""

# %% [markdown] tags=["discussion"]
r"""
- Sorting the sizes and forgetting the losses gives every run a loss that belongs to another. Nothing crashes.
- Held-out runs chosen at random would test whether the law can fill gaps. It can nearly always. The question was whether
  it can look ahead.
- If the law is no better than the guess, it has not been worth fitting. Near the floor that happens easily, since large
  models are then all about equally good.
- The larger the step from the last run seen to the run predicted, the harder the test. Say it with the result: "fitted up
  to 16M, tested at 64M".
"""

# %% [markdown] exercise="15.5"
r"""
A fit gives α = 0.31. With other runs, would it have been 0.29, or 0.6? Training the whole table again a thousand times is
out of the question. The **bootstrap** ([Efron, 1979](https://doi.org/10.1214/aos/1176344552)) plays at it: it draws tables
from the one that we have.

1. Draw R runs out of the R runs, **with replacement**: some come up twice or more, others not at all. A run keeps its size
   and its loss.
2. Fit this table, and note the number that comes out.
3. Do that `n_resamples` times. Of all the numbers, cut off the lowest and the highest, as many on one side as on the
   other, so that the share `level` is left. Where you cut are the ends of the interval.

- **Takes** `sizes` and `losses`, shape `(R,)`; a function `fit`, where `fit(sizes, losses)` takes two tensors of the same
  length and returns a number; `n_resamples`; and `level`, between 0 and 1.
- **Returns** two numbers, the lower end and the upper end.

Example: with `level = 0.9` and 1000 resamples, 50 of the numbers lie below the interval and 50 above it. Its ends are the
quantiles 0.05 and 0.95. Which of the usual ways of computing quantiles you choose plays no role.

Draw with `torch.randint`, `random` or `numpy`, as you like, and call `fit` once for each resample.
"""


# %%
def bootstrap_interval(
    sizes: Float[Tensor, "R"],
    losses: Float[Tensor, "R"],
    fit: Callable[[Tensor, Tensor], float],
    n_resamples: int,
    level: float,
) -> tuple[float, float]:
    """Lower and upper end of the percentile interval of `fit`, by resampling the runs."""
    ### BEGIN SOLUTION
    values = []
    for _ in range(n_resamples):
        drawn = torch.randint(len(sizes), (len(sizes),))
        values.append(float(fit(sizes[drawn], losses[drawn])))
    tail = (1 - level) / 2
    low, high = torch.tensor(values).quantile(torch.tensor([tail, 1 - tail])).tolist()
    return low, high
    ### END SOLUTION


# %%
check("15.5", bootstrap_interval)
# %% [markdown] tags=["hint"]
r"""
Draw places, not numbers. How do you get R places from 0 to R − 1, each drawn without regard to the others?
"""

# %% [markdown] tags=["hint"]
r"""
`drawn = torch.randint(len(sizes), (len(sizes),))` are R places with repetitions. Both tensors are indexed by the *same*
places. For the ends, think how much has to lie below the lower end if `level` is 0.9.
"""

# %% [markdown] tags=["hint"]
r"""
Collect `float(fit(sizes[drawn], losses[drawn]))` in a list. With `tail = (1 - level) / 2`, the ends are
`torch.tensor(values).quantile(tail)` and `.quantile(1 - tail)`.
"""

# %% [markdown] tags=["discussion"]
r"""
- Places drawn for the sizes and other places for the losses would tear the runs apart. What is left has no law.
- Without replacement (`torch.randperm`) every table holds the same runs, and all fits agree: an interval of width 0.
- R is the right size of a resample. The fit of 5 runs varies more than that of 20, and the question was how sure the fit
  of *this many* is.
- More resamples make the ends steadier and the interval no narrower. Only more runs do.
- The interval says how far luck in the choice and noise of these runs may carry the fit. It knows nothing of a wrong form of
  the law, or of a learning rate that was bad for all large models. With few runs it also tends to be too narrow.
"""

# %% [markdown] exercise="15.6"
r"""
The best split of a budget asks what *training* costs. But a model is trained once and used for years, and each token that it
reads or writes then costs a forward pass, $2N$ FLOPs. A smaller model is cheaper for ever, and can be as good if it
has read more. [Sardana and others (2023)](https://arxiv.org/abs/2401.00448) therefore turn the question round: **which model
of a given quality costs least in all?**

Given are a law, a loss that is wanted, and the number T of tokens that the model will process in use. Find N and D with

$$E + \frac{A}{N^\alpha} + \frac{B}{D^\beta} = L_{\text{wanted}} \qquad\text{for which}\qquad 6ND + 2NT \quad\text{is smallest.}$$

- **Takes** numbers: `E`, `A`, `alpha`, `B`, `beta` of the law; `target`, the loss that is wanted, above E; and `served`, T,
  which may be 0.
- **Returns** two numbers: N and D. They need not be whole. The loss has to be right to a thousandth of what it lies above E,
  and the total within a thousandth of the smallest.

Example: E = 2, A = 4, α = ½, B = 1, β = ½, and a loss of 2.1265 is wanted. If nobody uses the model, 4000 parameters and
250 tokens are cheapest, with 6.0 million FLOPs. With 1000 tokens in use these two would come to 14.0 million. Better are
2500 parameters and 463 tokens: training them costs more, 6.9 million, and all together it is 11.9 million.

There is no formula to be found here. Search.
"""


# %%
def cheapest(
    E: float, A: float, alpha: float, B: float, beta: float, target: float, served: float
) -> tuple[float, float]:
    """N and D that reach the loss `target` with the fewest FLOPs for training and `served` tokens of use."""
    ### BEGIN SOLUTION
    smallest = (A / (target - E)) ** (1 / alpha)  # with less, no amount of text would do
    n = smallest * torch.linspace(0.001, math.log(1000), 20001, dtype=torch.float64).exp()
    d = (B / (target - E - A / n**alpha)) ** (1 / beta)
    best = (6 * n * d + 2 * n * served).argmin()
    return n[best].item(), d[best].item()
    ### END SOLUTION


# %%
check("15.6", cheapest)
# %% [markdown] tags=["hint"]
r"""
There are two unknowns and one equation. If N is given, what must D be? And how small may N be, so that there is such a D at
all?
"""

# %% [markdown] tags=["hint"]
r"""
$D = \left(\frac{B}{L - E - A/N^\alpha}\right)^{1/\beta}$ with $L$ the loss that is wanted. That needs
$N > \left(\frac{A}{L - E}\right)^{1/\alpha}$: a smaller model misses the target however much it reads. So everything
depends on N alone, and you can try many values of it.
"""

# %% [markdown] tags=["hint"]
r"""
Let `n` be `smallest * torch.linspace(0.001, math.log(1000), 20001, dtype=torch.float64).exp()`: twenty thousand sizes from
just above the smallest to a thousand times that, in equal factors. Compute `d` and `6 * n * d + 2 * n * served` for all of
them, and return the pair at the `argmin()`.
"""

# %% [markdown] tags=["discussion"]
r"""
- With T = 0 the answer obeys the rule of the lesson, $\alpha A / N^\alpha = \beta B / D^\beta$. The cheapest way to a loss and
  the best loss for a budget are one and the same question. Use shifts the balance to smaller N.
- Put in the law of [Besiroglu and others (2024)](https://arxiv.org/abs/2404.10102), E = 1.8172, A = 482.01, α = 0.3478,
  B = 2085.43, β = 0.3658, and the loss that it expects of Chinchilla, 1.974. Without use, 73 billion parameters are best. With
  $10^{13}$ tokens in use it is 34 billion, with $10^{14}$ it is 21 billion, which have to read 13 trillion tokens: about 600 for
  each parameter.
- So a model that has read far more than twenty tokens for each parameter is no mistake. Somebody counted on it being used.
- Sizes are searched in equal factors, since what matters is whether N is twice as large, and not whether it is a million larger.
- Near the smallest N the text grows without bound, and around the optimum the valley is flat. A total that is right to a
  thousandth leaves N uncertain by several percent, and the law itself is far less certain than that.
"""

# %% [markdown] exercise="15.7"
r"""
A laboratory trained models of seven sizes with three budgets, each with a schedule of its own. Every run of a column spent
the same FLOPs, so the larger the model, the fewer tokens it has read: D = C / (6N). These are the losses:

| N | $C = 4.8 \cdot 10^{14}$ | $C = 1.92 \cdot 10^{15}$ | $C = 7.68 \cdot 10^{15}$ |
| --: | --: | --: | --: |
| 0.5 million | 2.195 | 2.121 | 2.079 |
| 1 million | 2.123 | 2.026 | 1.971 |
| 2 million | 2.100 | 1.972 | 1.899 |
| 4 million | 2.123 | 1.955 | 1.858 |
| 8 million | 2.195 | 1.972 | 1.845 |
| 16 million | 2.320 | 2.026 | 1.858 |
| 32 million | 2.508 | 2.121 | 1.899 |

Four numbers are to be read from it, and a fifth has to do with another question:

| entry | what it is |
| :-- | :-- |
| `"best_size"` | the best size for the middle budget, in **millions** of parameters |
| `"tokens"` | how many **millions** of tokens that run has read |
| `"exponent"` | the best size grows like $C^a$. What is a? |
| `"next_size"` | the best size, in millions, for a budget 16 times as large as the last one, if that goes on |
| `"all_right"` | a model gets each word right with probability 0.9, independently; how often are all ten words of an answer right? (three decimals) |

And here are five reports. Each has one flaw that spoils its conclusion.

- `"long_run"`: "We trained one model once, for 10,000 steps, with a warm-up at the start and a cool-down to zero
  over the last 2,000. Its losses after 1,000, 2,000, ..., 10,000 steps are the ten points of our curve of loss against data.
  It holds a surprise: from 8,000 steps on, data suddenly helps far more than before."
- `"straight_down"`: "Six runs from 1 to 32 million parameters lie on a straight line, $\ln L = a - \alpha \ln N$. It
  predicted a seventh, with 64 million, to within 0.01 nats. Therefore a model of $10^{15}$ parameters will reach 0.2 nats a
  token."
- `"large_models"`: "The learning rate was tuned on the model of 1 million parameters, and kept for all others, up to 32
  million. Every run had a full schedule. From 8 million on, the loss rises again: size has stopped to help."
- `"sure_thing"`: "We fitted $E + A/N^\alpha$ to our three runs. It meets all three losses to the fourth decimal. So its
  prediction for a model 100 times as large can be trusted to about that precision."
- `"awakening"`: "From each model to the next larger one, the loss falls by about the same amount. We asked all of them for
  lists of ten names. The small ones get 0 % right, the largest 35 %. Somewhere between, an ability awakes of which
  the smaller models have no trace."

| letter | flaw |
| :-- | :-- |
| A | the form of the law has no floor |
| B | the law was judged by the runs that it was fitted on |
| C | the score counts an answer only if all of it is right |
| D | a point on the way of a run stands for a shorter run |
| E | the same texts were read again and again |
| F | a setting that suits one size was used for every size |

One letter is left over.
"""


# %%
def readings() -> dict[str, float | str]:
    """Five numbers and five letters, by their names: `return {"best_size": ..., ..., "long_run": "A", ...}`."""
    ### BEGIN SOLUTION
    return {
        "best_size": 4,
        "tokens": 1.92e15 / (6 * 4e6) / 1e6,
        "exponent": math.log(2) / math.log(4),
        "next_size": 8 * 16**0.5,
        "all_right": 0.9**10,
        "long_run": "D",
        "straight_down": "A",
        "large_models": "F",
        "sure_thing": "B",
        "awakening": "C",
    }
    ### END SOLUTION


# %%
check("15.7", readings)
# %% [markdown] tags=["hint"]
r"""
In each column, look for the smallest loss. From one column to the next, by which factor does C grow, and by which the best
size? For the reports, ask each time: what would I have to see before I believed the last sentence?
"""

# %% [markdown] tags=["hint"]
r"""
If C grows four times and N twice, then $4^a = 2$. Ten words are right at once with the probability of one, multiplied ten
times with itself. Among the reports, one counts only perfect answers, one has as many unknowns as runs, and one follows a
straight line to where no text can be so easy.
"""

# %% [markdown] tags=["hint"]
r"""
The middle column has its lowest loss in the fourth row, and $6 \cdot 4 \cdot 10^6 \cdot D = 1.92 \cdot 10^{15}$. Sixteen
times the budget is two more steps of four, so the best size doubles twice. $0.9^{10}$. And of the two reports that remain,
one mixes up a run before its cool-down with one after it, the other never asked what the larger models would have
wanted.
"""

# %% [markdown] tags=["discussion"]
r"""
`4`, `80`, `0.5`, `32`, `0.349`; `D`, `A`, `F`, `B`, `C`.

- Read down a column: on the left of the valley the model is too small for its text, on the right it has read too little.
  Read along a row: more tokens help every model, and the small ones soon very little.
- A run has not arrived before its cool-down: most of the noise that a large learning rate makes is still in its loss. Each
  point of a curve of loss against data has to be a run with a schedule of its own. That earlier work read
  losses off the middle of longer schedules is one of the reasons that
  [Hoffmann and others (2022)](https://arxiv.org/abs/2203.15556) give for their other conclusions about data.
  ([Porian and others (2024)](https://arxiv.org/abs/2406.19146) tried it out, and found that other causes weighed more.)
- A law without a floor predicts the next run well and the end of the road absurdly. A test nearby says nothing about what
  is far away.
- Larger models usually want a smaller learning rate. Kept fixed, it makes size look useless; tuned for the largest only, it
  makes size look like magic.
- Three numbers can be made to meet any three losses that fall by less and less. Meeting them tests nothing.
- If the probability of a single word goes evenly from 0.4 to 0.9, that of ten words goes from 0.0001 to 0.349, and nearly
  all of its rise comes at the end. [Schaeffer and others (2023)](https://arxiv.org/abs/2304.15004) showed that many
  abilities that seemed to emerge are of this kind.
"""
