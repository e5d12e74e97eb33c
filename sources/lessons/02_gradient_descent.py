# ---
# title: Gradient descent
# part: "I · Learning is making a number smaller"
# minutes: 75
# prerequisites: >-
#   Lesson 01: loss functions, and cross-entropy with its gradient p − y. The derivative as school teaches it. Matrices
#   appear twice, and then two by two.
# objectives:
#   - walk down a loss by finite differences, and predict from its curvature which learning rates converge
#   - recognise a ravine, a saddle and a plateau, and say what each does to the descent
#   - say what a mini-batch costs and saves, and how its noise falls with its size
#   - write SGD with momentum, RMSProp, Adam and AdamW in a few lines each, and say what each is for
#   - explain why a learning rate is warmed up at the start of a run and lowered at its end
# summary:
#   - Each step is minus the learning rate times the slope, which a finite difference measures (too wide, and the bend of
#     the curve spoils it; too small, and rounding does). Along a direction of curvature λ a step multiplies the
#     distance to the minimum by 1 − lr·λ, so it converges below 2/λmax, and the flattest direction sets how long it
#     takes.
#   - A ravine makes the path zigzag, and momentum cancels the zigzag. At a saddle the gradient vanishes although there
#     is a way down, and on a plateau it vanishes although the loss is high; cross-entropy has none there.
#   - A mini-batch gradient is right on average and off by an amount that falls with the square root of the batch. Four
#     times the examples halve the noise, so many cheap rough steps beat few exact ones, counted in examples read.
#   - Momentum averages gradients. RMSProp divides each number's gradient by its usual size; Adam does both and corrects
#     its averages for having started at zero; AdamW takes the weight decay out of that division.
#   - A constant learning rate leaves SGD hovering above the minimum, at a height proportional to the learning rate, and
#     lowering it lets the loss sink. Adam's first steps are as large as any other, before anything is known, and
#     warm-up makes them small.
# quiz:
#   - question: >-
#       A loss has curvature 2 in one direction and 50 in another. Plain gradient descent with lr 0.05 on it ...
#     options:
#       - answer: converges, because 0.05 is less than 2/2.
#         because: That is the limit for the flat direction alone. One unstable direction is enough to diverge.
#       - answer: diverges, because 0.05 is more than 2/50.
#         right: true
#         because: In the steep direction each step multiplies the distance by 1 − 0.05 · 50 = −1.5.
#       - answer: converges, because the two curvatures average to 26 and 0.05 is less than 2/26.
#         because: The directions do not average. Each has its own factor, and the steep one has −1.5.
#   - question: >-
#       You go from batches of 32 to batches of 512 and keep the number of steps. What happens to the noise of the
#       gradient and to the examples read?
#     options:
#       - answer: The noise falls to a sixteenth, the examples read grow sixteenfold.
#         because: That would be a fair trade, but noise falls with the square root of the batch.
#       - answer: The noise falls to a quarter, the examples read grow sixteenfold.
#         right: true
#         because: The root of 16 is 4. The last halving of the noise is always the most expensive one.
#       - answer: The noise stays, for the data are the same.
#         because: The spread of single examples stays. The mean of 512 of them is less uncertain than the mean of 32.
#   - question: >-
#       Somebody forgets the bias correction in Adam (β₁ = 0.9, β₂ = 0.999). What does the first step look like?
#     options:
#       - answer: It is about a tenth as long, because the mean of the gradients starts at zero.
#         because: That is half of it. The mean of the squares starts at zero as well, and it stands below the line.
#       - answer: It has the same length, because both means are too small and the errors cancel.
#         because: They would if the shares were equal after the root. 0.1 divided by the root of 0.001 is not one.
#       - answer: It is about three times as long.
#         right: true
#         because: 0.1 g divided by the root of 0.001 g² is 3.16, and a few steps later it is worse.
# read_next:
#   - "[Goh, *Why Momentum Really Works* (Distill, 2017)](https://distill.pub/2017/momentum/): the quadratic bowl taken further, with pictures that move."
#   - "[Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015)](https://arxiv.org/abs/1412.6980): algorithm 1 is what we build; section 3 derives the bias correction."
#   - "[Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019)](https://arxiv.org/abs/1711.05101): why the W in AdamW."
#   - "[Dauphin and others, *Identifying and attacking the saddle point problem* (2014)](https://arxiv.org/abs/1406.2572): why saddles, and not bad minima, are what one meets among many parameters."
#   - "[McCandlish and others, *An Empirical Model of Large-Batch Training* (2018)](https://arxiv.org/abs/1812.06162): how large a batch is worth its price, from the noise of the gradient."
# ---

# %% [markdown]
r"""
## Which way is down?

In lesson 01 a courier had one parameter, his pace, and we found the best one by trying 401 of them. That was a
luxury. With two parameters it would have been 401² settings, 160,801. With the parameters of even a small language
model, no computer that will ever be built could finish.

So let us give up the view of the whole valley. We stand at one pace, in fog, and may ask only one thing: how large is
the loss *here*, and how large is it a little to the side?
"""

# %%
import math
import random

import torch

from course_lib import claim
from course_lib.display import curves, landscape, table

torch.set_num_threads(1)  # all is so small here that several processors would mostly wait for one another
kilometres = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64)
minutes = torch.tensor([6.0, 11.0, 14.0, 22.0, 24.0, 31.0], dtype=torch.float64)


def loss(pace):
    """Mean squared error of a pace, in square minutes."""
    return ((pace * kilometres - minutes) ** 2).mean().item()


def slope(pace, h=0.001):
    return (loss(pace + h) - loss(pace)) / h


for pace in (3.0, 5.0, 7.0):
    print(f"at {pace} minutes a kilometre: loss {loss(pace):6.2f}, slope {slope(pace):7.2f}")

# %% [markdown]
r"""
At 3 the slope is negative: a larger pace means a smaller loss, so go right. At 7 it is positive, go left. The sign
says *which way*. The size says something too, for near the bottom it becomes small.

That suggests a rule. Take a step against the slope, and make it proportional to the slope, so that the steps become
short on their own where the valley becomes flat. The factor is called the **learning rate**, lr:

$$w \leftarrow w - \text{lr} \cdot \text{slope}(w)$$
"""

# %%
pace, visited = 3.0, [3.0]
for _ in range(15):
    pace = pace - 0.01 * slope(pace)
    visited.append(pace)

print([round(pace, 3) for pace in visited])
best = (kilometres @ minutes / (kilometres @ kilometres)).item()  # as in school: where the derivative is zero
claim(abs(best - 5.10) < 0.005 and abs(pace - best) < 0.02, "after 15 steps the pace is within 0.02 of the best, 5.10")

# %%
from course_lib.display.plots import BLUE, INK, ORANGE, Picture, axes, legend

paces = torch.linspace(2.6, 7.4, 200, dtype=torch.float64)
picture = Picture()
ax = axes(picture, xlabel="pace w (minutes per kilometre)", ylabel="MSE (minutes²)")
ax.plot(paces, [loss(pace) for pace in paces], color=BLUE, linewidth=2.2, label="the valley, in the fog")
ax.plot(visited, [loss(pace) for pace in visited], "o-", color=ORANGE, markersize=7, label="15 steps, lr 0.01")
for number, pace in enumerate(visited[:3]):
    ax.annotate(str(number), (pace, loss(pace)), (10, 2), textcoords="offset points", fontsize=12, color=INK)
legend(ax, loc="upper right")
picture

# %% [markdown]
r"""
Thirty values of the loss instead of 401. This walk is called **gradient descent**, and it trains every model in this
course. What is left of the lesson is about the four ways in which it can go wrong: the slope may be measured badly,
the step may be too long or too short, the valley may have an awkward shape, and the loss may be too expensive to
evaluate.
"""

# %% [markdown]
r"""
## How far to the side should one look?

We measured the slope with a side step of $h = 0.001$, a number out of nowhere. The slope is what comes out in the
limit $h \to 0$, so surely a smaller $h$ is better?

There is also a second way to do it. Instead of comparing *here* with *a little further*, one can look to both sides:

$$\text{forward: } \frac{f(w + h) - f(w)}{h} \qquad\qquad \text{central: } \frac{f(w + h) - f(w - h)}{2h}$$

We measure the slope of a loss whose true slope we know, in torch's usual 32-bit numbers, for $h$ from 0.1 down to one
ten-millionth. At which end is the error smallest, and for which of the two?
"""


# %%
def rain_loss(q):
    """What an announcement of q costs where it rains on 70 of 100 days (lesson 01)."""
    return -(0.7 * q.log() + 0.3 * (1 - q).log())


places = torch.linspace(0.2, 0.6, 101)  # 32-bit numbers
true_slope = -0.7 / places.double() + 0.3 / (1 - places.double())
sides = torch.logspace(-7, -1, 25)
slopes = {
    "forward": torch.stack([(rain_loss(places + h) - rain_loss(places)) / h for h in sides]),
    "central": torch.stack([(rain_loss(places + h) - rain_loss(places - h)) / (2 * h) for h in sides]),
}
error = {name: (measured - true_slope).square().mean(dim=1).sqrt() for name, measured in slopes.items()}
curves(sides, error, xlabel="side step h", ylabel="error of the slope", log="xy")

# %%
forward, central = error.values()
claim(forward[0] > 100 * forward.min(), "the smallest h is more than a hundred times worse than the best")
claim(8 < forward[20] / forward[16] < 12, "ten times the h, ten times the forward error (0.01 against 0.001)")
claim(70 < central[24] / central[20] < 160, "ten times the h, about a hundred times the central error (0.1 and 0.01)")
claim(central.min() < forward.min() / 5, "the best central difference beats the best forward one five times")

# %% [markdown]
r"""
At neither end. From the right, the error falls with $h$: the curve bends between the two points, and less so when
they are close. The forward error falls in proportion to $h$; the central one falls with $h^2$, because the bend to
the left and the bend to the right cancel. From the left comes something that is no mathematics at all. A 32-bit
number holds about seven digits. If $f(w+h)$ and $f(w)$ agree in the first six, their difference has one good digit
left, and then it is divided by a tiny $h$. The smaller the $h$, the more of the answer is rounding.

So: central, in 64 bits where possible, and $h$ neither large nor tiny. In 64 bits, which hold about sixteen digits,
$h = 10^{-5}$ is a good choice, and we use it from now on. Programs that compute slopes exactly are tested against
central differences all the time; lesson 03 will do it too.
"""

# %% [markdown]
r"""
## How long may a step be?

The walk above used a learning rate of 0.01 and took 15 steps. Impatience suggests more.

**Predict first.** What will lr 0.03 do, what 0.06, and what 0.07?
"""


# %%
def slope(pace, h=1e-5):
    return (loss(pace + h) - loss(pace - h)) / (2 * h)


def distances(lr, steps):
    """Distance from the best pace, after each step."""
    pace, far = 3.0, []
    for _ in range(steps + 1):
        far.append(pace - best)
        pace = pace - lr * slope(pace)
    return torch.tensor(far, dtype=torch.float64)


walks = {f"lr {lr}": distances(lr, steps=12) for lr in (0.01, 0.03, 0.06, 0.07)}
for name, far in walks.items():
    print(f"{name}: distances {[round(d, 3) for d in far[:5].tolist()]} ... after 12 steps {far[-1]:.1e}")
curves(
    range(13), {name: far.abs() for name, far in walks.items()}, xlabel="step", ylabel="|w − best| (min/km)", log="y"
)

# %% [markdown]
r"""
On this scale, where equal distances are equal factors, all four are straight lines: every step multiplies the
distance by the same number. The lr 0.03 arrives nearly at once. With 0.06 the signs alternate; each step jumps across
the valley to the other side, a bit closer. With 0.07 each jump lands a bit *further* away, where the slope is larger,
so that the next jump is longer still.

We can say exactly when. Near its lowest point $w^*$ a smooth loss looks like a parabola, and this one is a parabola
everywhere: $\tfrac{\lambda}{2}(w - w^*)^2$ plus a constant. The number $\lambda$, the second derivative, is called
the **curvature**. The slope is $\lambda (w - w^*)$, and so one step does this:

$$w - w^* \;\leftarrow\; (w - w^*) - \text{lr} \cdot \lambda (w - w^*) \;=\; (1 - \text{lr} \cdot \lambda)\,(w - w^*)$$

That is the number by which every step multiplies. It shrinks the distance if it lies between −1 and 1, which means
$\text{lr} < 2 / \lambda$. At $\text{lr} = 1/\lambda$ it is zero: one step, and done.
"""

# %%
curvature = 2 * (kilometres**2).mean().item()
print(f"curvature λ = {curvature:.2f}: converges for lr below {2 / curvature:.4f}, in one step at {1 / curvature:.4f}")
for name, far in walks.items():
    predicted = 1 - float(name.split()[1]) * curvature
    print(f"{name}: each step multiplies the distance by {predicted:.3f} (measured {far[3] / far[2]:.3f})")
    claim(abs(far[3] / far[2] - predicted) < 1e-4, f"{name}: the factor is 1 − lr·λ")

# %% [markdown]
r"""
## What if there are two parameters?

Then there is a slope in each direction, with the other parameter held fixed. The two slopes, written as one vector,
are the **gradient**, $\nabla f$. The step is the same: $w \leftarrow w - \text{lr} \cdot \nabla f(w)$.

Here is a loss with two parameters. It is a bowl that has been stretched in one direction and turned by 30°. The
curves are contours, as on a hiking map: along each of them the loss is the same.
"""


# %%
def ravine(ratio, degrees=30):
    """The matrix H of a bowl ½ wᵀ H w whose curvatures are 1 and `ratio`, turned by an angle."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    return turn @ torch.diag(torch.tensor([1.0, ratio], dtype=torch.float64)) @ turn.T


H = ravine(25)
print(H)
(a, b), (_, d) = H.tolist()


def bowl(x, y):
    return (a * x**2 + 2 * b * x * y + d * y**2) / 2


# %%
def gradient(f, x, y, h=1e-5):
    """Slope in the direction of x and slope in the direction of y, each as a central difference."""
    return (f(x + h, y) - f(x - h, y)) / (2 * h), (f(x, y + h) - f(x, y - h)) / (2 * h)


def descend(f, start, lr, steps=40, beta=0.0):
    """The points visited by gradient descent on f; what `beta` does, we shall see."""
    (x, y), (vx, vy), path = start, (0.0, 0.0), [start]
    for _ in range(steps):
        gx, gy = gradient(f, x, y)
        vx, vy = beta * vx + gx, beta * vy + gy
        x, y = x - lr * vx, y - lr * vy
        path.append((x, y))
    return path


start = (-3.0, 0.5)
slow, fast = descend(bowl, start, lr=0.03), descend(bowl, start, lr=0.075)
landscape(
    bowl, (-4.0, 2.6), (-2.75, 1.6), {"lr 0.03": slow, "lr 0.075": fast},
    xlabel="first parameter", ylabel="second parameter", minimum=(0, 0),
)  # fmt: skip

# %% [markdown]
r"""
Look at the first step of either path. It does not head for the minimum. Along a contour the slope is zero, so the
gradient is perpendicular to it: the step goes the *steepest* way, and in a long valley that is across it and hardly
along it. Such a valley is called a **ravine**. A large learning rate makes the path zigzag from wall to wall, a small
one takes it to the floor, where it creeps.

**Predict first.** The matrix above holds the second derivatives: 7 in the direction of $x$, 19 in the direction of
$y$. What is the largest learning rate that still converges: 2/7, 2/19, or something else? We find it by halving an
interval twenty times.
"""


# %%
def converges(lr, steps=2000):
    x, y = 1.0, 0.3
    for _ in range(steps):
        x, y = x - lr * (a * x + b * y), y - lr * (b * x + d * y)  # the slopes of the bowl, as in school
    return math.hypot(x, y) < 1


low, high = 0.0, 1.0
for _ in range(20):
    middle = (low + high) / 2
    low, high = (middle, high) if converges(middle) else (low, middle)

curvatures = torch.linalg.eigvalsh(H)  # the curvatures along the ravine and across it
print(f"largest stable learning rate {low:.5f};   2/7 = {2 / 7:.5f},   2/19 = {2 / 19:.5f}")
print(f"curvatures along and across the ravine: {curvatures[0]:.2f} and {curvatures[1]:.2f};   2/25 = {2 / 25:.5f}")
claim(abs(low - 2 / curvatures[1]) < 0.01 * low, "the largest stable learning rate is 2/λmax, to 1 %")

# %% [markdown]
r"""
Something else: it is 2/25. The directions that count are not the axes that we happened to name $x$ and $y$ but the
valley's own, along and across. (In the language of linear algebra, the eigenvectors of $H$, and its eigenvalues are
the curvatures.) In each of these directions the walk is the one of the courier, with a factor of its own: $1 -
\text{lr} \cdot 25$ across and $1 - \text{lr} \cdot 1$ along. The steepest direction limits the learning rate, and the
flattest one has to live with it.

At lr 0.075 the path shrinks by the factor 0.925 along the ravine. Had the ratio of the curvatures been 2,500 instead
of 25, the limit would be 0.0008, and each step would gain less than a tenth of a percent. This ratio $\kappa =
\lambda_{\max} / \lambda_{\min}$ is called the **condition number**, and real models have terrible ones.
"""

# %% [markdown]
r"""
## Can the walk remember?

Across the ravine the gradient changes its sign with every step. Along it, it says the same small thing again and
again. A walker with a memory could use that: sum up the recent gradients, and the contradictions cancel while the
agreement adds up.

$$v \leftarrow \beta v + \nabla f(w) \qquad\qquad w \leftarrow w - \text{lr} \cdot v$$

This is **momentum** ([Polyak, 1964](https://doi.org/10.1016/0041-5553(64)90137-5), who thought of a heavy ball). With
$\beta = 0$ it is what we had. With $\beta = 0.9$, a gradient that stays the same adds up to $1 + 0.9 + 0.81 + \ldots
= 10$ times itself.

How much does that buy? To be fair, each method gets its best settings, which for a bowl are known (Polyak's paper has
them). We count the steps until the distance is a millionth of what it was, for ravines of three shapes.

If κ gets four times as large, how many times as many steps does each method need?
"""


# %%
def steps_needed(ratio, lr, beta=0.0):
    """Steps until the distance has shrunk to a millionth; the ravine lies along the axis of x, with curvature 1."""
    (x, y), (vx, vy) = (1.0, 1.0), (0.0, 0.0)
    for step in range(1, 100_000):
        vx, vy = beta * vx + x, beta * vy + ratio * y
        x, y = x - lr * vx, y - lr * vy
        if math.hypot(x, y) < 1e-6 * math.sqrt(2):
            return step


rows = []
for ratio in (25, 100, 400):
    root = math.sqrt(ratio)
    without = steps_needed(ratio, lr=2 / (1 + ratio))
    with_it = steps_needed(ratio, lr=4 / (1 + root) ** 2, beta=((root - 1) / (root + 1)) ** 2)
    rows.append([ratio, without, with_it, without / with_it])
table(["condition number κ", "steps without", "steps with momentum", "gain"], rows)

# %%
claim(all(row[3] > 3 for row in rows), "momentum needs less than a third of the steps in all three ravines")
claim(3.5 < rows[2][1] / rows[1][1] < 4.5, "without it, four times the condition number needs four times the steps")
claim(1.6 < rows[2][2] / rows[1][2] < 2.4, "with momentum it needs about twice the steps")
ends = {lr: math.hypot(*descend(bowl, start, lr, steps=400, beta=0.5)[-1]) for lr in (0.115, 0.125)}
claim(ends[0.115] < 1e-3 and ends[0.125] > 10, "with β = 0.5 the limit at κ = 25 is 0.12, 1 + β times 0.08")

# %% [markdown]
r"""
Without memory four times as many, with it about twice as many: the cost grows like $\kappa$ in one case and like
$\sqrt{\kappa}$ in the other. That is why momentum, in one form or another, is in nearly every recipe with which
networks are trained.

Now try it yourself. The ravine is the one of the picture above, and the two other landscapes are those of the next
section. Some things to look for: a learning rate above 0.08 that converges once there is momentum; a β so high that
the ball still swings after 60 steps; a plateau that lr 0.1 crosses only with momentum.
"""

# %% tags=["hide-input"]
from course_lib.display.widgets import Explorer, menu, slider


def saddle(x, y):
    return x**2 - y**2 + y**4


def plateau(x, y):
    """A round hole, 1 deep, in a plain that is flat far from it."""
    return -1 / (1 + (x**2 + y**2) ** 2)


PLACES = {
    "ravine": (bowl, start, (-4.0, 2.6), (-2.75, 1.6)),
    "saddle": (saddle, (1.2, 0.001), (-1.5, 1.5), (-1.2, 1.2)),
    "plateau": (plateau, (-2.2, 1.2), (-2.8, 2.2), (-2.0, 2.0)),
}


def draw(place, lr, beta):
    f, begin, xlim, ylim = PLACES[place]
    path = descend(f, begin, lr, steps=60, beta=beta)
    x, y = path[-1]
    inside = [(x, y) for x, y in path if abs(x) < 10 and abs(y) < 10]
    picture = landscape(
        f, xlim, ylim, {f"lr {lr:.3f}, β = {beta:.2f}": inside}, xlabel="first parameter", ylabel="second parameter"
    )
    end = f"loss {float(f(x, y)):.4g} after 60 steps (it began at {float(f(*begin)):.4g})"
    return picture, end if math.isfinite(x) and math.hypot(x, y) < 10 else "It has left the map: lr is too large here."


Explorer(
    draw,
    place=menu(list(PLACES), "ravine", label="landscape"),
    lr=slider(0.005, 0.3, 0.03, step=0.005, label="learning rate"),
    beta=slider(0, 0.98, 0.7, step=0.02, label="momentum β"),
)

# %% [markdown]
r"""
## Where does the gradient say nothing?

Gradient descent stops where the gradient is zero. A minimum is one such place. The pass between two mountains is
another: along the road it is the highest point, across the road the lowest. It is called a **saddle**. Our example is
$x^2 - y^2 + y^4$: at (0, 0) the gradient vanishes, and there are two true minima, at $y = \pm 0.71$, with loss −0.25.

We start at $x = 1$, with $y$ once at 0.001 and once at 0.000000001. How many times longer does the second walk need
to get away?
"""


# %%
def steps_to_leave(y, beta=0.0, f=saddle):
    path = descend(f, (1.0, y), lr=0.1, steps=400, beta=beta)
    return next((step for step, point in enumerate(path) if saddle(*point) < -0.2), None)


def shaken(x, y):
    """The saddle, seen by somebody who is wrong about each loss, by up to a billionth."""
    return saddle(x, y) + 1e-9 * random.random()


random.seed(0)
rows = [[f"{y:g}", steps_to_leave(y), steps_to_leave(y, beta=0.9)] for y in (1e-1, 1e-3, 1e-6, 1e-9, 0)]
rows.append(["0, with noise", steps_to_leave(0, f=shaken), steps_to_leave(0, beta=0.9, f=shaken)])
table(["y at the start", "steps until loss < −0.2", "the same with β = 0.9"], rows)

# %%
claim(2 < rows[3][1] / rows[1][1] < 4, "a start a million times closer to the ridge takes two to four times as long")
claim(all(row[2] < row[1] for row in rows[1:4]), "momentum leaves sooner, from these starts close to the ridge")
claim(rows[4][1] is None and rows[5][1] < 200, "from exactly y = 0 only the walk with noise leaves, within 200 steps")
losses = {
    f"y from {y:g}": [saddle(*point) for point in descend(saddle, (1.0, y), lr=0.1, steps=120)]
    for y in (1e-1, 1e-3, 1e-6, 1e-9)
}
still = losses["y from 1e-06"]
claim(abs(still[20] - still[40]) < 0.001, "from y = 0.000001, steps 20 to 40 change the loss by less than 0.001")
curves(range(121), losses, xlabel="step", ylabel="loss")

# %% [markdown]
r"""
Only about three times longer. Near the saddle each step multiplies $y$ by $1 + 2 \cdot \text{lr} = 1.2$, so that a
start a million times closer costs $\ln 10^6 / \ln 1.2 \approx 76$ steps more, not a million times as many. But seen
from outside, those are dozens of steps in which the loss does not move, and they look exactly like having arrived.

From $y = 0$ exactly, the walk stays for ever. That is a case for mathematicians: noise in the ninth decimal of the
loss is enough to push it off. Among many parameters, a place with zero gradient is a minimum only if the loss curves
upwards in *every* one of the directions. One that curves downwards in some of them is a saddle, and that is by far
the commoner case ([Dauphin and others, 2014](https://arxiv.org/abs/1406.2572)).

The third awkward shape is a **plateau**, a region where the loss is high and yet nearly constant in every direction.
One can build one by accident, by choosing the wrong loss. A model gives the event that happened the probability $p =
1 / (1 + e^{-z})$, with one logit $z$. Compare two losses on it: the squared error $(1-p)^2$, and cross-entropy $-\ln
p$.
"""

# %%
rows = []
for z in (-8.0, -4.0, 0.0):
    p = 1 / (1 + math.exp(-z))
    rows.append([f"{z:g}", f"{p:.5f}", (1 - p) ** 2, 2 * (1 - p) ** 2 * p, -math.log(p), 1 - p])
table(["logit z", "p", "squared error", "size of its slope", "cross-entropy", "size of its slope"], rows)

# %%
needed = {"squared error": 0, "cross-entropy": 0}
for name in needed:
    z = -8.0
    while z < 0:  # until the right answer gets one half, with lr 1
        p = 1 / (1 + math.exp(-z))
        z = z + (2 * (1 - p) ** 2 * p if name == "squared error" else 1 - p)
        needed[name] += 1
print("steps from p = 0.0003 to one half:", needed)
claim(needed["squared error"] > 100 * needed["cross-entropy"], "cross-entropy needs less than a hundredth of the steps")

# %% [markdown]
r"""
At $z = -8$ the model is badly wrong. Cross-entropy pulls with its full strength there, 1. The squared error hardly
pulls at all, since to it $p = 0.0003$ and $p = 0.0001$ are the same thing: both miss by nearly one. It learns least
where it is most wrong. Lesson 01 chose cross-entropy because it is honest; here is a second reason.
"""

# %% [markdown]
r"""
## And on a real model?

Lesson 01 had a model that guesses a word from the word before it: a table with one logit for each pair of words.
There we filled the table by counting. Now we let gradient descent find it, from a table of zeros.
"""

# %%
from course_lib.text import END, TRAINING_SEED, World

documents = World().documents(3000, seed=TRAINING_SEED)
texts = [[END, *document.text.split(), END] for document in documents]
vocabulary = sorted({word for text in texts for word in text})
V = len(vocabulary)
number_of = {word: number for number, word in enumerate(vocabulary)}
before = torch.tensor([number_of[word] for text in texts for word in text[:-1]])
after = torch.tensor([number_of[word] for text in texts for word in text[1:]])
N = len(before)
print(f"{N:,} pairs of words, {V} words, {V * V:,} parameters")

# %% [markdown]
r"""
A central difference needs two values of the loss *for each parameter*. That would be more than 600,000 passes over
all pairs, for a single step. Fortunately we know the gradient already: in lesson 01 it came out as $p - y$, the
forecast minus what happened. A pair touches only the row of its first word; the gradient for many pairs is the mean
of theirs.
"""


# %%
def pair_gradient(W, before, after):
    """Mean gradient of the cross-entropy over pairs; W [V, V], before and after [n], returns [V, V]."""
    surplus = W[before].softmax(dim=1)  # p, one row for each pair
    surplus[torch.arange(len(after)), after] -= 1  # minus y
    return torch.zeros_like(W).index_add_(0, before, surplus / len(before))


torch.manual_seed(0)
W = torch.randn(V, V).requires_grad_()
torch.nn.functional.cross_entropy(W[before[:500]], after[:500]).backward()  # how torch does it: lesson 03
ours = pair_gradient(W.detach(), before[:500], after[:500])
claim(torch.allclose(ours, W.grad, atol=1e-7), "p − y, averaged over the pairs, equals torch's gradient")

# %% [markdown]
r"""
For *all* pairs at once there is a shortcut, since equal pairs have equal gradients and it is enough to count them.
That gives us a quick way to the true loss and the true gradient over the whole training text, to which we can compare
everything else. (The table that minimises this loss is, of course, the one of the counts. So we even know where the
descent has to end. How well a table does on texts that it has *not* seen is a question for lesson 04.)
"""

# %%
counts = torch.zeros(V, V).index_put_((before, after), torch.tensor(1.0), accumulate=True)
how_often = counts.sum(dim=1, keepdim=True)


def full_gradient(W):
    return (how_often * W.softmax(dim=1) - counts) / N


def full_loss(W):
    return -(counts * W.log_softmax(dim=1)).sum().item() / N


lowest = -(counts * (counts / how_often).log().nan_to_num(neginf=0)).sum().item() / N
print(f"a table of zeros: {full_loss(torch.zeros(V, V)):.3f} nats a word; the table of counts: {lowest:.3f}")
few = before < 30  # the pairs that begin with one of the first thirty words: rows 0 to 29 of the table
ours = pair_gradient(W.detach(), before[few], after[few])[:30] * few.sum() / N
claim(torch.allclose(full_gradient(W.detach())[:30], ours, atol=1e-6), "both ways agree on the first thirty rows")

# %% [markdown]
r"""
## Must one read everything before taking a step?

The true gradient is a mean over 84,622 pairs. After reading all of them, we take one step, and then read all of them
again. A mean can be estimated from a sample, though. Take 64 pairs at random, a **mini-batch**, and step along
*their* gradient. It will be wrong. But it will be cheap, and it is right on average. This is **stochastic gradient
descent**, SGD.

**Predict first.** To bring the loss from 6.37 down to 3 nats, with a good learning rate for each: what share of the
pairs will SGD with batches of 64 have to read, compared with full gradients? A half, a tenth, less?
"""


# %%
def steps_to_three(batch_size, lr, limit=1000):
    """Updates until the loss over all pairs is below 3, looking at it every tenth update."""
    torch.manual_seed(0)
    W = torch.zeros(V, V)
    for step in range(1, limit + 1):
        if batch_size == N:
            W -= lr * full_gradient(W)
        else:
            drawn = torch.randint(N, (batch_size,))
            W -= lr * pair_gradient(W, before[drawn], after[drawn])
        if step % 10 == 0 and full_loss(W) < 3:
            return step
    return math.inf


tried = {16: 30, 64: 100, 256: 200, N: 400}  # for each batch size, the best of several learning rates that we tried
steps = {size: steps_to_three(size, lr) for size, lr in tried.items()}
read = {size: size * steps[size] for size in tried}
table(
    ["batch size", "lr", "steps to loss 3", "pairs read"],
    [[f"{size:,}", lr, steps[size], f"{read[size]:,}"] for size, lr in tried.items()],
)

# %%
claim(read[64] < read[N] / 100, "batches of 64 read less than a hundredth of the pairs that full gradients read")
claim(steps[N] < steps[64] < steps[16], "but it takes more steps, and the more the smaller the batch")

# %% [markdown]
r"""
Less than a hundredth. The exact gradient is exact about a question that nobody asked: after one step we stand
elsewhere, and need a new one. A rough direction is enough to begin with, and a hundred rough steps lead further than
one perfect step.

The other column matters as well. A step of a large batch can be computed in parallel: on one processor, pairs read
are the cost, and on a thousand of them, steps are. In practice one shuffles the data, walks through it batch by batch
until it is used up (the last batch may be smaller), a so-called **epoch**, and shuffles again. Drawing at random, as
we do here, is nearly the same and makes the arithmetic of the next section exact.
"""

# %% [markdown]
r"""
## How wrong is a mini-batch?

Now we can measure it. We stand at a table that is half trained, where we know the full gradient, and draw many
batches of each size. How far is a batch's gradient from the full one?

If a batch gets 16 times as large, by which factor does its error fall?
"""

# %%
torch.manual_seed(0)
W = torch.zeros(V, V)
for _ in range(200):
    drawn = torch.randint(N, (64,))
    W -= 50 * pair_gradient(W, before[drawn], after[drawn])
true_gradient = full_gradient(W)


def noise(batch_size, draws=100):
    """Root mean square of the distance between a batch's gradient and the full one."""
    squares = [
        (pair_gradient(W, before[drawn], after[drawn]) - true_gradient).square().sum()
        for drawn in torch.randint(N, (draws, batch_size))
    ]
    return torch.stack(squares).mean().sqrt().item()


sizes = [1, 4, 16, 64, 256, 1024]
noises = [noise(size, draws=200 if size < 16 else 50) for size in sizes]
across = torch.tensor(sizes).log() - torch.tensor(sizes).log().mean()
exponent = (across @ torch.tensor(noises).log() / (across @ across)).item()  # slope of the line of least squares
length = true_gradient.norm().item()
print(f"error ∝ (batch size) to the power {exponent:.3f};  length of the full gradient itself: {length:.3f}")
curves(
    sizes, {"error of a batch's gradient": noises, "length of the full gradient": [length] * len(sizes)},
    xlabel="batch size (pairs)", ylabel="length of a vector", log="xy",
)  # fmt: skip

# %%
claim(abs(exponent + 0.5) < 0.05, "the noise falls with the batch size to the power −0.5")
claim(noises[sizes.index(64)] > true_gradient.norm(), "the error of a batch of 64 is larger than the gradient itself")

# %% [markdown]
r"""
By four. It is the law of every opinion poll. The gradient of a batch of $B$ is the mean of $B$ independent draws, the
variance of a mean is the variance of one draw divided by $B$, and so its typical error is $\sigma / \sqrt{B}$. Four
times the work halves the noise. To halve it again takes sixteen times the work.

The dashed line deserves a second look. At batches of 64, with which we just trained successfully, the error is
*larger than the thing itself*. It works because the errors of successive batches point in different directions and
cancel over many steps, and the gradients do not. Where exactly a larger batch stops being worth its price has been
worked out from this very ratio ([McCandlish and others, 2018](https://arxiv.org/abs/1812.06162)).
"""

# %% [markdown]
r"""
## Does one learning rate fit all parameters?

Our table has a row for each word. A row is touched only when its word comes by, so the gradient of a rare word's row
is small, on average, however wrong the row is.
"""

# %%
share = how_often.squeeze(1) / N
order = share.argsort(descending=True)
at_zero = full_gradient(torch.zeros(V, V))
for word in order[[0, 10, 100, 300, 500]]:
    print(f"{vocabulary[word]!r:>8}: {share[word]:.5f} of all places, gradient of length {at_zero[word].norm():.6f}")
claim(share[order[0]] > 300 * share[order[500]], "the commonest word comes hundreds of times as often as the 500th")

# %% [markdown]
r"""
It is the ravine again, in 338,724 dimensions. A row's part of the loss is multiplied by the word's share of the
places, its slope and its curvature with it: steep along the rows of the full stop and other common words, nearly flat
along hundreds of others. A learning rate that the full stop can stand leaves the rare words where they are.

Momentum does not cure that. Here is another idea: let each parameter have its own step, by dividing its gradient by
*how large its gradients usually are*. Keep a running mean of the squares, and divide by its root. That is **RMSProp**
([Hinton, lecture 6e of a course, 2012](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf)). In
the five recipes below, `w` and `g` are the parameters and their gradient, and each operation acts on every number by
itself. (The tiny `eps` is there for a gradient that has always been zero.)
"""


# %%
class SGD:
    def __init__(self, lr, beta=0.0):
        self.lr, self.beta, self.v = lr, beta, 0.0

    def step(self, w, g):
        self.v = self.beta * self.v + g
        return w - self.lr * self.v


class RMSProp:
    def __init__(self, lr, alpha=0.99, eps=1e-8):
        self.lr, self.alpha, self.eps, self.square = lr, alpha, eps, 0.0

    def step(self, w, g):
        self.square = self.alpha * self.square + (1 - self.alpha) * g**2
        return w - self.lr * g / (self.square**0.5 + self.eps)


# %% [markdown]
r"""
**Adam** ([Kingma and Ba, 2015](https://arxiv.org/abs/1412.6980)) does both: above the line a running mean of the
gradients, below it the root of the running mean of their squares. The means start at zero, which is no gradient that
anybody measured. After $t$ steps the weights of what has been averaged add up to $1 - \beta^t$ only, and so Adam
divides by that. It is called **bias correction**.

**Predict first.** Without that correction, would the first step be too short or too long? Both means are too small:
after one step, $m = 0.1\,g$ and $s = 0.001\,g^2$.
"""


# %%
class Adam:
    def __init__(self, lr, beta1=0.9, beta2=0.999, eps=1e-8, correct=True):
        self.lr, self.beta1, self.beta2, self.eps, self.correct = lr, beta1, beta2, eps, correct
        self.mean, self.square, self.t = 0.0, 0.0, 0

    def step(self, w, g):
        self.t += 1
        self.mean = self.beta1 * self.mean + (1 - self.beta1) * g
        self.square = self.beta2 * self.square + (1 - self.beta2) * g**2
        share1, share2 = (1 - self.beta1**self.t, 1 - self.beta2**self.t) if self.correct else (1, 1)
        return w - self.lr * (self.mean / share1) / ((self.square / share2) ** 0.5 + self.eps)


def step_lengths(optimizer, steps=2000, g=5.0):
    """Length of each step, in units of lr, while the gradient is always g."""
    w, lengths = 0.0, []
    for _ in range(steps):
        moved = optimizer.step(w, g)
        lengths.append(abs(moved - w) / optimizer.lr)
        w = moved
    return lengths


corrected, uncorrected = step_lengths(Adam(0.01)), step_lengths(Adam(0.01, correct=False))
table(
    ["step", "length / lr, with bias correction", "without"],
    [[step, corrected[step - 1], uncorrected[step - 1]] for step in (1, 2, 3, 12, 100, 1000, 2000)],
)

# %%
claim(abs(uncorrected[0] - 0.1 / 0.001**0.5) < 1e-3, "uncorrected, the first step is 3.16 times too long")
claim(uncorrected[11] > 6, "and the twelfth more than six times")
tiny = step_lengths(Adam(0.01), g=0.00005)
claim(all(abs(length - 1) < 1e-3 for length in corrected + tiny), "corrected, every step has the length lr")

# %% [markdown]
r"""
Too long. The root below the line shrinks to 0.03 and the mean above it only to 0.1.

Notice what the other column says. With a gradient that stays the same, Adam's step has length lr, and it does not
matter whether the gradient is 5 or 0.00005. A step of Adam is a statement about *how consistent* the gradients are,
not about how large. It also means that the learning rate has got a unit: it says by how much a parameter may change
in one step. That makes it much easier to guess.

The last recipe is about **weight decay**: one often wants to pull all weights a little towards zero, so that a weight
stays large only if the data insist. The old way was to add $\tfrac{\lambda}{2} w^2$ to the loss, and thus $\lambda w$
to the gradient (here λ is the strength of the pull, not a curvature). In Adam this goes wrong, for the pull is then
divided by the gradient's usual size, like everything else. **AdamW** ([Loshchilov and Hutter,
2019](https://arxiv.org/abs/1711.05101)) takes the pull out and applies it to the weight directly.
"""


# %%
class AdamW(Adam):
    def __init__(self, lr, weight_decay=0.01, **others):
        super().__init__(lr, **others)
        self.weight_decay = weight_decay

    def step(self, w, g):
        return super().step(w * (1 - self.lr * self.weight_decay), g)


def remains(optimizer, size, pull=0.0, steps=1000):
    """What is left of a weight of 1 whose gradient is `size` times a coin flip, ±1, and so says nothing."""
    w = torch.ones(200, dtype=torch.float64)  # 200 such weights, each with coins of its own
    coins = torch.randint(2, (steps, 200), generator=torch.Generator().manual_seed(0)) * 2.0 - 1
    for coin in coins:
        w = optimizer.step(w, size * coin + pull * w)
    return w.mean().item()


sizes_of_gradient = (0.1, 1.0, 10.0)
rows = [
    ["Adam, 0.1 w added to the gradient", *(remains(Adam(0.01), size, pull=0.1) for size in sizes_of_gradient)],
    ["AdamW, weight decay 0.1", *(remains(AdamW(0.01, 0.1), size) for size in sizes_of_gradient)],
]
table(["what is left of a weight of 1", "gradients ±0.1", "±1", "±10"], rows)

# %%
claim(rows[0][1] < 0.1 and rows[0][3] > 0.8, "inside Adam, the pull empties only weights with small gradients")
claim(max(rows[1][1:]) - min(rows[1][1:]) < 0.02, "AdamW pulls all of them alike")
claim(all(abs(left - 1 / math.e) < 0.05 for left in rows[1][1:]), "to 1/e: 1000 steps each take a thousandth")

# %% [markdown]
r"""
The same pull, and inside Adam its effect depends on how noisy a weight's gradients are, which nobody wanted.

Do our recipes do what torch's do? We feed both the same gradients, some large, some small, for twenty steps.
"""

# %%
pairs_of_recipes = {
    "SGD with momentum": (SGD(0.1, beta=0.9), torch.optim.SGD, {"lr": 0.1, "momentum": 0.9}),
    "RMSProp": (RMSProp(0.1), torch.optim.RMSprop, {"lr": 0.1}),
    "Adam": (Adam(0.1), torch.optim.Adam, {"lr": 0.1}),
    "AdamW": (AdamW(0.1, 0.01), torch.optim.AdamW, {"lr": 0.1, "weight_decay": 0.01}),
}
gradients = torch.randn(20, 3, dtype=torch.float64) * torch.tensor([0.01, 1.0, 100.0])
for name, (ours, theirs, settings) in pairs_of_recipes.items():
    w = torch.ones(3, dtype=torch.float64)
    parameter = torch.nn.Parameter(w.clone())
    optimizer = theirs([parameter], **settings)
    for g in gradients:
        w = ours.step(w, g)
        parameter.grad = g
        optimizer.step()
    claim(torch.allclose(w, parameter.detach(), rtol=1e-6, atol=1e-6), f"{name}: twenty steps of ours equal torch's")

# %% [markdown]
r"""
## Which of them should one take?

First, ravines. They get two things that real losses have: the minimum is somewhere else than at zero, namely at (2,
1), and a bit of noise is added to each gradient. Each recipe gets the best of eighteen learning rates, judged by how
far from the minimum it ends: the median over 64 starts, all at distance 3. To begin with, the ravine of the pictures
above and 40 steps; we draw the path from one of the starts.
"""

# %%
recipes = {
    "SGD": SGD,
    "momentum 0.9": lambda lr: SGD(lr, beta=0.9),
    "RMSProp": RMSProp,
    "Adam": Adam,
    "AdamW": AdamW,
}
minimum = torch.tensor([2.0, 1.0], dtype=torch.float64)
angles = torch.arange(64, dtype=torch.float64) * 2 * math.pi / 64
starts = minimum + 3 * torch.stack([angles.cos(), angles.sin()], dim=1)  # [64, 2]
rates = torch.logspace(-3.75, 0.5, 18, dtype=torch.float64)  # 0.00018 to 3.2


def best_walk(recipe, H, steps):
    """The best learning rate; how far from the minimum it ends; and its paths, [steps + 1, 64, 2]."""
    generator, path = torch.Generator().manual_seed(0), [starts.expand(18, 64, 2)]
    optimizer = recipe(rates[:, None, None])  # all rates at once, each with its own 64 walkers
    for _ in range(steps):
        noise = 0.3 * torch.randn(64, 2, generator=generator, dtype=torch.float64)
        path.append(optimizer.step(path[-1], (path[-1] - minimum) @ H + noise))
    left = (path[-1] - minimum).norm(dim=2).nan_to_num(math.inf).median(dim=1).values
    best = left.argmin()
    return rates[best].item(), left[best].item(), torch.stack(path)[:, best]


walks = {name: best_walk(recipe, ravine(25), steps=40) for name, recipe in recipes.items()}
landscape(
    lambda x, y: bowl(x - 2, y - 1), (-2.7, 3.7), (-1.8, 2.4),
    {f"{name}, lr {lr:.2g}": path[:, 30].tolist() for name, (lr, _, path) in walks.items()},
    xlabel="first parameter", ylabel="second parameter", minimum=(2, 1),
)  # fmt: skip

# %%
for name, (_, distance, path) in walks.items():
    across, up = (path[1, 30] - path[0, 30]).abs().tolist()
    print(f"{name}: the first step moves the parameters by {across:.3f} and {up:.3f}; distance left {distance:.2f}")
    claim(distance < 0.6, f"{name} ends at a distance below 0.6, one fifth of where it began")
    if name in ("RMSProp", "Adam"):
        claim(abs(across - up) < 1e-6, "and its first step moves both parameters by the same amount")

# %% [markdown]
r"""
All five come close, on two kinds of path. SGD sets out straight across the contours, with or without momentum. Those
that divide set out along the diagonal: whatever the two slopes are, both parameters move by the same amount. (AdamW's
pull adds a little to that. RMSProp moves them by ten times its learning rate, for it has no bias correction.)

Now a harder test: 200 steps, in ravines of which one is really narrow, κ = 10,000. Each comes twice, along the axes
and turned by 30°.

Turning a landscape changes nothing about its shape. For which recipes does it change the result?
"""

# %%
shapes = {
    "κ = 100": (100, 0), "κ = 100, turned": (100, 30), "κ = 10,000": (10_000, 0), "κ = 10,000, turned": (10_000, 30)
}  # fmt: skip
left = {
    (name, shape): best_walk(recipe, ravine(*shapes[shape]), steps=200)[1]
    for name, recipe in recipes.items()
    for shape in shapes
}
table(["distance left of 3", *shapes], [[name, *(left[name, shape] for shape in shapes)] for name in recipes])

# %%
straight, turned = "κ = 10,000", "κ = 10,000, turned"
for name in ("RMSProp", "Adam"):
    claim(left[name, straight] < 0.1 < 1 < left[name, turned], f"{name} solves the narrow ravine only along the axes")
    claim(abs(left[name, straight] - left[name, "κ = 100"]) < 0.03, f"there {name} does equally well at both κ")
for name in ("SGD", "momentum 0.9"):
    claim(abs(left[name, straight] - left[name, turned]) < 0.3, f"{name}: turning makes little difference")

# %% [markdown]
r"""
For SGD, with or without momentum, turning makes no difference worth mentioning. RMSProp and Adam do not even notice
whether a ravine along the axes has κ = 100 or 10,000, since they divide *each parameter* by its own scale. But the
narrow one, turned, stops both as thoroughly as plain SGD: it runs across the parameters, and no scale of a single
parameter can describe it. (AdamW has a pull towards zero in addition, and zero is not the minimum; what that does
depends on the place.)

So what do the ravines of a real model look like? Its rows are a matter of common and rare words, and each parameter
belongs to one word. That sounds like a ravine along the axes. We let all five train the table of word pairs: 300
steps on batches of 64, with the learning rate that was the best of four or five that we tried for each, and SGD with
a smaller and a larger one as well. The last two columns ask whether it really is a matter of rare words: how far is
the loss above that of the table of counts, after the 20 commonest words and after the 382 rarest?
"""


# %%
def train_table(optimizer, steps=300, factor=lambda step: 1.0, batch_size=64):
    """Train a table from zeros; returns it and the loss over all pairs after 60 and after 300 steps."""
    torch.manual_seed(0)
    W, losses, lr = torch.zeros(V, V), [], optimizer.lr
    for step in range(steps):
        drawn = torch.randint(N, (batch_size,))
        optimizer.lr = lr * factor(step)
        W = optimizer.step(W, pair_gradient(W, before[drawn], after[drawn]))
        if step + 1 in (60, 300):
            losses.append(full_loss(W))
    return W, losses


best_rate = {"SGD": 75, "momentum 0.9": 10, "RMSProp": 0.1, "Adam": 0.15, "AdamW": 0.15}
runs = {(name, lr): train_table(recipes[name](lr)) for name, lr in [*best_rate.items(), ("SGD", 40), ("SGD", 150)]}
by_count = (counts / how_often).log().nan_to_num(neginf=0)
above, rows = {}, []
for (name, lr), (W, losses) in runs.items():
    cost = (counts * (by_count - W.log_softmax(dim=1))).sum(dim=1)  # of all pairs, by their first word
    above[name, lr] = [(cost[words].sum() / counts[words].sum()).item() for words in (order[:20], order[200:])]
    rows.append([name, lr, losses[0], losses[-1], *above[name, lr]])
table(["recipe", "lr", "loss after 60 steps", "300 steps", "too high after common words", "after rare ones"], rows)

# %%
end = {name: runs[name, lr][1][-1] for name, lr in best_rate.items()}
dividing = [end["RMSProp"], end["Adam"], end["AdamW"]]
claim(max(dividing) < min(end["SGD"], end["momentum 0.9"]) - 0.1, "the three that divide beat the others by 0.1 nats")
claim(max(dividing) - min(dividing) < 0.15, "and they differ less among themselves")
small, large, adam = above["SGD", 40], above["SGD", 150], above["Adam", 0.15]
claim(large[1] < small[1] - 0.5, "a large learning rate helps SGD after rare words by more than half a nat")
claim(large[0] > small[0] + 0.2, "and costs it more than 0.2 nats after common ones")
claim(adam[0] < small[0] and adam[1] < large[1], "Adam is better than the small one there and the large one here")

# %% [markdown]
r"""
Here the division pays. Momentum alone buys little: it does not give the rare words a larger step. The three that
divide lie close together; with other batch sizes or a longer run their order changes.

The rows of SGD show the conflict. Its rare words want a large learning rate, its common ones a small one. (At 150 the
row of the full stop is thrown about by every batch.) Adam gives each its own, and is better at both ends.

AdamW is the usual choice for language models, and from here on it is ours too, until a later lesson finds better. But
remember the turned ravine: nothing about Adam is optimal. It fits losses whose scales differ *parameter by
parameter*.
"""

# %% [markdown]
r"""
## Should the learning rate stay the same?

SGD with mini-batches never arrives. Even at the very minimum, where the full gradient is zero, the gradient of a
batch is not, and pushes the walker off again. The courier shows it. We give him one random parcel at a time, send out
a thousand such couriers, and after a while look how far above the minimum they are on average.

If the learning rate is halved, how much closer to the minimum do they hover?
"""


# %%
rates = torch.tensor([[0.0005], [0.001], [0.002], [0.004]], dtype=torch.float64)
pace, excess = torch.full((4, 1000), best, dtype=torch.float64), 0.0  # 1000 couriers for each of four learning rates
torch.manual_seed(0)
for step in range(1000):
    parcel = torch.randint(6, (1000,))
    pace = pace - rates * 2 * (pace * kilometres[parcel] - minutes[parcel]) * kilometres[parcel]
    if step >= 500:
        excess += curvature / 2 * (pace - best).square().mean(dim=1, keepdim=True) / 500
table(
    ["lr", "mean loss above the minimum", "divided by lr"],
    [[f"{lr:g}", height, height / lr] for lr, height in torch.cat([rates, excess], dim=1).tolist()],
)

# %%
ratios = excess[1:] / excess[:-1]
claim(((ratios > 1.8) & (ratios < 2.4)).all(), "twice the learning rate, about twice the height above the minimum")

# %% [markdown]
r"""
Half as high: the height is proportional to the learning rate (a little more than that, once it is large). So there is
a conflict. A large learning rate gets far in few steps and then hovers high; a small one would end low if it ever got
there. The way out is to use both, one after the other.

That is called a **schedule**: a factor between 0 and 1 for each step of the run. Here is one that is common. It rises
in a line at the start, the **warm-up**, stays at 1, and falls in a line towards the end, the **decay** or cool-down.
A half cosine, $\tfrac12 (1 + \cos \pi t)$ with $t$ from 0 to 1, is the other usual way down ([Loshchilov and Hutter,
2017](https://arxiv.org/abs/1608.03983)).
"""


# %%
def lr_factor(step, steps, warmup, decay):
    """Share of the peak learning rate; `warmup` and `decay` are shares of the run."""
    rising = (step + 1) / (warmup * steps) if warmup else 1
    falling = (steps - step) / (decay * steps) if decay else 1
    return min(1, rising, falling)


from course_lib.presets import training_steps
from course_lib.training.schedules import learning_rate_factor

claim(
    all(
        math.isclose(lr_factor(step, 200, *shares), learning_rate_factor(step, 200, *shares))
        for step in range(200)
        for shares in ((0.1, 0.4), (0.25, 0.0), (0.0, 1.0), (0.6, 0.6))
    ),
    "our schedule equals the library's",
)

# %% [markdown]
r"""
We train the table of word pairs again, with a decay over the last 40 % of the 300 steps: with SGD at lr 150 and Adam
at 0.3, which were too large, and with Adam at 0.05, which was too small. Does the decay help all three?
"""

# %%
decayed = {}
for name, lr in (("SGD", 150), ("Adam", 0.3), ("Adam", 0.05)):
    constant = runs["SGD", 150] if name == "SGD" else train_table(Adam(lr))
    cooled = train_table(recipes[name](lr), factor=lambda step: learning_rate_factor(step, 300, warmup=0, decay=0.4))
    decayed[name, lr] = constant[1][-1], cooled[1][-1]
table(["recipe", "peak lr", "constant lr", "decay over the last 40 %"], [[*key, *two] for key, two in decayed.items()])

# %%
gain = {key: constant - cooled for key, (constant, cooled) in decayed.items()}
claim(gain["SGD", 150] > 0.2, "decay takes SGD at lr 150 lower by more than 0.2 nats")
claim(gain["Adam", 0.3] > 0.05, "and Adam at 0.3 by more than 0.05")
claim(gain["Adam", 0.05] < -0.05, "Adam at 0.05 ends higher with it, by more than 0.05")
claim(decayed["SGD", 150][1] < end["Adam"] + 0.15, "with decay SGD comes within 0.15 nats of Adam's best constant run")

# %% [markdown]
r"""
The first two were hovering, and sank as soon as they were allowed to. (SGD has now lost most of its distance to Adam.
A recipe and its schedule belong together, and whoever compares recipes has to tune both.) The third was still on its
way down when we took its speed away. So decay does not replace a good learning rate. It lets one use a larger one,
and it belongs to the *end* of a run: a model in the middle of its run and one that has been cooled down cannot be
compared.
"""

# %% [markdown]
r"""
## Why start slowly?

The decay is plausible. But why should one *begin* with a small learning rate, when one is as far from the goal as one
will ever be?

The table of word pairs is too simple to show it, for its rows know nothing of one another. We need a model in which
parameters act on each other. Lesson 04 builds it; here it is enough to know its shape. It looks at the last four
words, and between them and the logits there are two layers of 128 **units**. A unit takes a weighted sum of what the
layer before it gives, and passes it on if it is positive, and zero otherwise.

Remember that the first step of Adam moves a parameter by lr, whatever the size of its gradient, and whether it means
anything or not.

**Predict first.** Learning rate 0.02, 200 steps. In one run the first 50 of them are a warm-up, and in the other they
are not. Will the final losses differ? And at smaller learning rates, 0.01 and 0.003?
"""

# %%
from torch import nn

padded = [[number_of[END]] * 3 + [number_of[word] for word in text] for text in texts]
windows = torch.tensor([text[i : i + 4] for text in padded for i in range(len(text) - 4)])  # [N, 4]
claim((windows[:, 3] == before).all(), "one window of four words for each pair, ending in its first word")


def window_model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Embedding(V, 32), nn.Flatten(),
        nn.Linear(4 * 32, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, V),
    )  # fmt: skip


@torch.no_grad()
def dead_share(model):
    """Share of the units in the second layer that give zero for every one of 2,000 windows."""
    return (model[:6](windows[:2000]) <= 0).all(dim=0).float().mean().item()


print(f"a weight of the second layer, before training: {window_model(0)[4].weight.abs().mean():.3f} in size")


# %%
def train_window_model(seed, lr, warmup, steps=200):
    """Mean loss of the last 20 batches, and the share of dead units after 10 steps and at the end."""
    model, losses, steps = window_model(seed), [], training_steps(steps)  # fewer under the smoke preset
    optimizer = torch.optim.Adam(model.parameters())
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = lr * learning_rate_factor(step, steps, warmup, decay=0.2)
        drawn = torch.randint(N, (64,))
        loss = nn.functional.cross_entropy(model(windows[drawn]), after[drawn])
        optimizer.zero_grad()
        loss.backward()  # the gradient of all weights at once; lesson 03 takes this line apart
        optimizer.step()
        losses.append(loss.item())
        if step == 9:
            dead_early = dead_share(model)
    return sum(losses[-20:]) / 20, dead_early, dead_share(model)


results = {
    (lr, warmup): torch.tensor([train_window_model(seed, lr, warmup) for seed in range(3)])
    for lr in (0.003, 0.01, 0.02)
    for warmup in (0, 0.25)
}
table(
    ["lr", "warm-up", "final loss, three seeds", "dead after 10 steps", "dead at the end"],
    [
        [
            lr,
            f"{warmup:.0%}",
            " ".join(f"{loss:.2f}" for loss in runs[:, 0]),
            *(f"{d:.0%}" for d in runs[:, 1:].mean(0)),
        ]
        for (lr, warmup), runs in results.items()
    ],
)

# %%
cold, warm = results[0.02, 0], results[0.02, 0.25]
claim((warm[:, 0] < cold[:, 0]).all(), "at lr 0.02 the run with warm-up ends lower with each of three seeds")
claim(cold[:, 1].mean() > 0.1 > 0.03 > warm[:, 1].mean(), "after ten cold steps over a tenth are dead, warm hardly any")
claim(cold[:, 2].mean() > cold[:, 1].mean(), "at the end of the cold run more units are dead than after ten steps")
claim(cold[:, 2].mean() > 2 * warm[:, 2].mean(), "and more than twice as many as with warm-up")
gap = [(results[lr, 0] - results[lr, 0.25])[:, 0].mean() for lr in (0.003, 0.01, 0.02)]
claim(gap[0] < 0.02 < gap[1] < gap[2], "at lr 0.003 warm-up does not help; at 0.01 it does, and at 0.02 more")
best_row = min(results, key=lambda row: results[row][:, 0].mean())
claim(best_row == (0.01, 0.25), "the best of the six rows is lr 0.01 with warm-up")

# %% [markdown]
r"""
At 0.003 warm-up buys nothing. The larger the learning rate, the more it does, although 150 steps follow after it.
And it matters where it counts: 0.01 is the best of the three learning rates, and best with a warm-up.

The last two columns show one thing that goes wrong. A weight of the second layer is about 0.04 in size when training
begins, and the first step moves it by 0.02, for the sake of 64 examples. Ten such steps turn everything over.
Some units land where their weighted sum is negative for every one of the 2,000 windows on which we tried them. They
give zero whatever comes, and the gradient of their weights is zero as well: a plateau. Such a unit is called **dead**.
Only a change in the layer before can bring it back, and 190 further steps, at first just as large, have made more of
them and not fewer.

A warm-up keeps the steps small until the running means have seen enough gradients to know what a usual one is ([Liu
and others, 2020](https://arxiv.org/abs/1908.03265), see in this its main benefit), and until the weights have come to
a region where the loss is less sharply curved and a larger peak is tolerated ([Kalra and Barkeshli,
2024](https://arxiv.org/abs/2406.09405), see it there). What is certain is the remedy.
"""

# %% [markdown]
r"""
## Who pays for the gradients?

Everything in this lesson took the gradient as given. On the courier we measured it with two values of the loss, on
the table we knew a formula, and in the last section we wrote `loss.backward()` and looked away. That one line
delivered the slope of the loss in every direction at once, exactly, for about the price of computing the loss a few
times. Finite differences would have cost two evaluations for each of the parameters, at every step.

How one line can do that is the next lesson. It is the chain rule of school, kept in good order.
"""
