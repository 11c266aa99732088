---@meta tide
--- What a script sees through `require "tide"`. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide: tide.operations
---@field version string
---@field agents tide.agents
---@field world tide.world_maker
---@field gap tide.gap_module
---@field env tide.env_module
---@field dataset tide.dataset_module
---@field recipes tide.recipes
---@field plot tide.plot
---@field tabular tide.tabular
---@field picture tide.picture_module
---@field video tide.video_module
---@field sweep tide.sweep_module
---@field text_log tide.text_log
---@field evaluation tide.evaluation_module
---@field network tide.network
---@field discriminators tide.discriminators
---@field conservative tide.conservative
local tide = {}

-- ---- networks and policies ----

---@class tide.mlp_options
---@field inputs? integer
---@field outputs? integer
---@field hidden? integer[] { 256, 256 }
---@field init? "torch"|"xavier"|"orthogonal"
---@field gain? number 1
---@field last_init? false|"torch"|"xavier"|"orthogonal"
---@field last_gain? number 1
---@field tanh_scale? number 0: linear outputs
---@field scalar? boolean one output, of shape (batch)
---@field layer_norm? boolean normalises every hidden layer's sums

---@param options tide.mlp_options
---@param rng tide.rng
---@return tide.mlp
function tide.mlp(options, rng) end

--- Q(s, a), of shape (batch).
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.mlp_options
---@return tide.mlp
function tide.critic(observation_dim, action_dim, hidden, rng, options) end

--- A frozen copy, for Polyak averaging.
---@param source tide.mlp
---@return tide.mlp
function tide.target(source) end

--- What all policies take beside the options of tide.mlp.
---@class tide.any_policy_options: tide.mlp_options
---@field normaliser? { mean: tide.tensor, std: tide.tensor } of observations, which are normalised inside

---@class tide.policy_options: tide.any_policy_options
---@field scalars? boolean log_std = multiplier * head + offset, both trained

---@class tide.deterministic_policy_options: tide.any_policy_options
---@field exploration_noise? number 0: std of the noise that act(observation, "sample") adds

--- A tanh-Gaussian policy: mean and log_std side by side from one network.
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.policy_options
---@return tide.policy
function tide.policy(observation_dim, action_dim, hidden, rng, options) end

--- a = tanh(net(s)); called with observations (batch, dim) it gives actions, recorded.
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.deterministic_policy_options
---@return tide.deterministic_policy
function tide.deterministic_policy(observation_dim, action_dim, hidden, rng, options) end

--- N(tanh(net(s)), exp(log_std)^2) with one log_std for all observations, held within [-5, 2].
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.any_policy_options
---@return tide.gaussian_policy
function tide.gaussian_policy(observation_dim, action_dim, hidden, rng, options) end

--- What all kinds of policies have.
---@class tide.any_policy
---@field net tide.mlp
---@field observation_dim integer
---@field action_dim integer
---@field rng tide.rng
---@field normaliser? { mean: tide.tensor, std: tide.tensor }
local any_policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor observations as the network takes them
function any_policy:normalise(observations) end

---@param observations tide.tensor
---@return tide.tensor action (batch, action_dim), no gradient
function any_policy:mean(observations) end

---@param observation tide.tensor (dim)
---@param mode "sample"|"mean"
---@return tide.tensor action (action_dim), until the step ends
function any_policy:act(observation, mode) end

---@return (tide.mlp|tide.tensor)[] what an optimiser trains
function any_policy:parameters() end

---@return table a tree for a file
function any_policy:export() end

--- tanh-Gaussian.
---@class tide.policy: tide.any_policy
---@field scalars? tide.tensor
local policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor action (batch, action_dim)
---@return tide.tensor log_prob (batch)
function policy:sample(observations) end

--- What the network says of the observations, for several samples of one pass.
---@param observations tide.tensor (batch, dim)
---@return tide.tensor head (batch, 2 action_dim)
function policy:head(observations) end

---@param head tide.tensor
---@param n integer samples of each row, one after another
---@return tide.tensor action (batch n, action_dim)
---@return tide.tensor log_prob (batch n)
function policy:sample_from(head, n) end

---@param observations tide.tensor (batch, dim)
---@param actions tide.tensor (batch, action_dim), given, no gradient to them
---@return tide.tensor log_prob (batch)
function policy:log_prob(observations, actions) end

---@class tide.deterministic_policy: tide.any_policy
---@field exploration_noise number
---@overload fun(observations: tide.tensor): tide.tensor
local deterministic_policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor action (batch, action_dim) with exploration noise, within [-1, 1], no gradient
function deterministic_policy:sample(observations) end

---@class tide.gaussian_policy: tide.any_policy
---@field log_std tide.tensor (action_dim), a parameter
local gaussian_policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor action (batch, action_dim), within [-1, 1], no gradient
function gaussian_policy:sample(observations) end

---@param observations tide.tensor (batch, dim)
---@param actions tide.tensor (batch, action_dim)
---@return tide.tensor log_prob (batch)
function gaussian_policy:log_prob(observations, actions) end

--- From policy.h5 or a run's folder.
---@param path string
---@param seed? integer 0
---@return tide.policy|tide.deterministic_policy|tide.gaussian_policy
---@return table about the file
function tide.load_policy(path, seed) end

---@param path string
---@param policy_ tide.any_policy
---@param about? table
function tide.save_policy(path, policy_, about) end

---@class tide.network
local network = {}

---@param net tide.mlp
---@return table
function network.weights(net) end

---@param net tide.mlp
---@param tree table
---@param what? string for messages
---@return tide.mlp
function network.load_weights(net, tree, what) end

---@param options tide.mlp_options
---@param rng tide.rng
---@return tide.mlp
function network.mlp(options, rng) end

---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.mlp_options
---@return tide.mlp
function network.critic(observation_dim, action_dim, hidden, rng, options) end

---@param source tide.mlp
---@return tide.mlp
function network.target(source) end

--- Pieces of conservative Q-learning; equations in docs/algorithms.md.
---@class tide.conservative
local conservative = {}

---@param policy_ tide.policy
---@param own tide.tensor (batch, action_dim), the batch's actions
---@param head tide.tensor of the observations
---@param next_head tide.tensor of the next observations
---@param n integer of each kind: uniform, of the next state, of the state
---@param rng tide.rng
---@return tide.tensor actions (batch (1 + 3 n), action_dim), a state's together, its own first
---@return tide.tensor log_density (batch, 3 n), of all but its own
function conservative.actions(policy_, own, head, next_head, n, rng) end

---@param q tide.tensor (batch, 1 + 3 n), the own action's first
---@param log_density tide.tensor|false (batch, 3 n); false: without importance sampling
---@param temperature number
---@return tide.tensor gap scalar
function conservative.gap(q, log_density, temperature) end

--- Calls f(...) without recording.
---@generic T
---@param f fun(...): T
---@param ... any
---@return T
function tide.no_grad(f, ...) end

--- One step of several optimisers down one loss, whose graph is walked once.
---@param loss tide.tensor scalar
---@param ... tide.adam
function tide.minimise(loss, ...) end

--- What agents with two discriminators share; equations in docs/algorithms.md.
---@class tide.discriminators
local discriminators = {}

--- Classes for cross_entropy: 1 for the real rows, which come first, 2 for the others.
---@param n_real integer
---@param n integer
---@return tide.tensor (n), kept and shared: not to be changed
function discriminators.labels(n_real, n) end

--- The cross-entropy of a discriminator: its mean over the real rows, class 1, plus its mean over the simulated, class 2.
---@param logits tide.tensor (batch, 2)
---@param n_real integer
---@return tide.tensor
function discriminators.tell_apart(logits, n_real) end

--- Mean cross-entropies of d_sa and of d_sas + d_sa on noisy inputs.
---@param d_sa tide.mlp
---@param d_sas tide.mlp
---@param batch table real rows first
---@param noisy fun(t: tide.tensor): tide.tensor
---@return tide.tensor sa_loss
---@return tide.tensor sas_loss
function discriminators.losses(d_sa, d_sas, batch, noisy) end

--- ln P / P^ from d_sas's logits, held within +- limit.
---@param logits tide.tensor (batch, 2), real first
---@param limit number
---@return tide.tensor (batch)
function discriminators.log_ratio(logits, limit) end

---@param observation_dim integer
---@param action_dim integer
---@param capacity integer
---@param dataset? tide.dataset
---@return tide.replay
function tide.replay(observation_dim, action_dim, capacity, dataset) end

-- ---- environments, worlds, gaps ----

---@class tide.env
---@field name string
---@field model string an MJCF file, relative to folder
---@field frame_skip integer
---@field max_episode_steps integer
---@field observation { skip_qpos?: integer, clip?: number, size?: integer, names?: string[], units?: string[] }
---@field reset fun(physics: tide.physics, rng: tide.rng)
---@field measure fun(physics: tide.physics): number
---@field reward fun(physics: tide.physics, before: number, after: number, dt: number, action: tide.tensor|number[]): number
---@field terminal fun(physics: tide.physics): boolean
---@field setup? fun(world: tide.world) changes the model and adds hooks, before the world's gap
---@field observe? fun(physics: tide.physics, observation: tide.tensor) writes observation.size numbers
---@field reward_of? fun(observation: number[], action: number[], next_observation: number[]): number of a row of data
---@field about? { task?: string, reward?: string, ends?: string, starts?: string }
---@field reference_scores? { random: number, expert: number }
---@field folder? string

---@class tide.env_module
local env = {}

---@param what string|tide.env a name, a .lua file or a definition
---@return tide.env
function env.get(what) end

---@return string[]
function env.list() end

---@param definition tide.env
---@param folder? string
---@return tide.env
function env.check(definition, folder) end

---@param definition tide.env
---@return string
function env.model_path(definition) end

---@param definition tide.env
---@param episode_return number
---@return number|nil 100 (return - random) / (expert - random)
function env.normalised_score(definition, episode_return) end

---@class tide.world_maker
---@overload fun(env: string|tide.env, options?: { gap?: tide.gap|string, seed?: integer }): tide.world
local world_maker = {}

---@param env_ string|tide.env
---@param options? { gap?: tide.gap|string, seed?: integer }
---@return tide.world
function world_maker.new(env_, options) end

---@class tide.world
---@field name string
---@field env tide.env
---@field gap? tide.gap
---@field seed integer
---@field physics tide.physics
---@field model tide.model
---@field observation_dim integer
---@field action_dim integer
---@field max_episode_steps integer
---@field steps integer of the running episode
---@field diverged integer diverged simulations so far
---@field divergence? string what was wrong with the last
local world = {}

---@return tide.tensor observation
function world:reset() end

--- What it returns stays as it is until the next but one call.
---@param action tide.tensor|number[]
---@return tide.tensor observation
---@return number reward
---@return boolean terminal a true end
---@return boolean timeout a cut
---@return boolean diverged
function world:step(action) end

--- One control step, whether or not the episode is over.
---@param action tide.tensor|number[]
---@return tide.tensor observation
---@return number reward
---@return boolean terminal
---@return boolean diverged
function world:transition(action) end

--- Begins an episode in a given state.
---@param qpos number[]
---@param qvel number[]
---@return tide.tensor observation
function world:place(qpos, qvel) end

--- Begins an episode in the state that the physics is in.
---@return tide.tensor observation
function world:begin() end

---@return table everything that the future depends on, but the model's figures
function world:state() end

---@param state table
---@return tide.tensor observation
function world:restore(state) end

---@param change fun(action: tide.tensor, rng: tide.rng): tide.tensor|nil
function world:on_action(change) end

---@param n integer control steps
function world:delay_actions(n) end

--- Every observation passes through it before anyone sees it.
---@param change fun(observation: tide.tensor, rng: tide.rng): tide.tensor|nil
function world:on_observation(change) end

---@return table for records
function world:describe() end

---@class tide.gap
---@operator add(tide.gap|string): tide.gap
local gap = {}

---@param world_ tide.world
function gap:apply(world_) end

---@return table[]
function gap:describe() end

---@class tide.gap_effect
---@field differs boolean the simulation, or what is seen of it, is another
---@field step? integer the first control step at which it is
---@field changes { part: string, field: string, before: number|number[], after: number|number[] }[]
---@field hooks { actions: integer, observations: integer }
---@field text string the same in a line

---@class tide.gap_measurement
---@field gap string
---@field env string
---@field share number mean of the components' shares
---@field components { name: string, unit: string, difference: number, step: number, share?: number }[]
---@field states integer
---@field steps integer
---@field seed integer
---@field diverged integer

--- What the gap changes, and whether the simulation differs from the real world's at all.
---@param env string|tide.env
---@param options? { steps?: integer, seed?: integer }
---@return tide.gap_effect
function gap:effect(env, options) end

--- By how much one step differs from the real world's, from the same states under the same actions.
---@param env string|tide.env
---@param options? { states?: integer, steps?: integer, seed?: integer, policy?: tide.any_policy|false, dataset?: tide.dataset|false }
---@return tide.gap_measurement
function gap:measure(env, options) end

---@alias tide.level "easy"|"medium"|"hard"

---@class tide.gap_module
local gaps = {}

---@param factor number
---@return tide.gap
function gaps.gravity(factor) end

---@param factor number
---@return tide.gap
function gaps.friction(factor) end

---@param factor number
---@return tide.gap
function gaps.density(factor) end

---@param factor number
---@return tide.gap
function gaps.joint_damping(factor) end

---@param factor number
---@return tide.gap
function gaps.actuator_gain(factor) end

---@param factor number|tide.level
---@param part? string a joint, or a group of the robot's joints
---@return tide.gap
function gaps.joint_range(factor, part) end

---@param factor number|tide.level
---@param part? string a body, or a group of the robot's limbs
---@return tide.gap
function gaps.limb_size(factor, part) end

---@param speed number|tide.level m/s against +x
---@return tide.gap
function gaps.wind(speed) end

---@param sigma number|tide.level
---@return tide.gap
function gaps.joint_noise(sigma) end

---@param steps integer|tide.level control steps
---@return tide.gap
function gaps.action_delay(steps) end

---@param sigma number|tide.level
---@return tide.gap
function gaps.observation_noise(sigma) end

---@param name string
---@param apply fun(world: tide.world, ...)
---@param parameters? string[]
---@return fun(...): tide.gap
function gaps.define(name, apply, parameters) end

---@param what tide.gap|string|table[]|nil
---@return tide.gap|nil
function gaps.from(what) end

---@return string[]
function gaps.list() end

---@param name string
---@return { name: string, about?: string, of?: string, parameters: string[], optional: integer }
function gaps.about(name) end

---@param name string
---@return { name: tide.level|number, value: number }[]
function gaps.levels(name) end

--- The words for a robot's parts that a gap knows, and the one meant where none is named.
---@param name string
---@param env_name string
---@return string[] groups
---@return string|nil default
function gaps.groups(name, env_name) end

-- ---- agents and experiments ----

--- One class for each file of scripts/tide/agents/ and each that a script defines; pairs() goes through them by name.
---@class tide.agents
---@field [string] tide.agent_class

---@class tide.agent_class
---@field name string
---@field uses table<"real"|"sim", true>
---@field about string|nil a line on what it is
---@field defaults table
---@overload fun(options?: table): tide.agent_choice

---@class tide.agent_choice
---@field name string
---@field options table
---@field class tide.agent_class
local choice = {}

---@param task tide.task
---@return tide.agent
function choice:build(task) end

---@class tide.task
---@field observation_dim integer
---@field action_dim integer
---@field rng tide.rng
---@field state_mean? fun(): tide.tensor|nil mean of the dataset's observations
---@field state_std? fun(kind: "true"|"padded"): tide.tensor|nil their standard deviation
---@field return_range? fun(): number|nil, number|nil the lowest and the highest return of the dataset's ended episodes

--- Its options are fields too.
---@class tide.agent
---@field observation_dim integer
---@field action_dim integer
---@field rng tide.rng
---@field policy? tide.any_policy
---@field networks table<string, tide.mlp>
---@field scalars table<string, tide.tensor>
---@field optimisers table<string, tide.adam>
local agent = {}

---@param observation tide.tensor
---@param mode "sample"|"mean"
---@return tide.tensor
function agent:act(observation, mode) end

---@return table<string, { real: integer, sim: integer }>
function agent:batches() end

---@param batches table<string, tide.batch>
---@return table<string, number> metrics
function agent:update(batches) end

---@return table
function agent:state() end

---@param tree table
function agent:restore(tree) end

--- Defines an agent class from its table of options; `uses` in it lists the data it wants.
---@param name string
---@param definition table
---@return tide.agent_class
function tide.agent(name, definition) end

--- Minus the number of action dimensions where "auto".
---@param value number|"auto"
---@param action_dim integer
---@return number
function tide.target_entropy(value, action_dim) end

--- What a policy normalises observations by: the dataset's mean, and its standard deviation plus 1e-3.
---@param task tide.task
---@return { mean: tide.tensor, std: tide.tensor }
function tide.normaliser(task) end

--- `value`, where it is one of `names`; otherwise an error that names `what`.
---@generic T
---@param value T
---@param names T[]
---@param what string
---@return T
function tide.one_of(value, names, what) end

--- The real rows, which come first, and the simulated ones; nil for a part that has none.
---@param t tide.tensor
---@param n_real integer
---@return tide.tensor? real
---@return tide.tensor? sim
function tide.split(t, n_real) end

--- Observations, actions and next observations of a batch's simulated rows, or nil without any.
---@param batch tide.batch
---@return table?
function tide.simulated(batch) end

---@class tide.experiment_options
---@field name? string
---@field agent tide.agent_choice
---@field real { env: string|tide.env, dataset?: string|false }
---@field sim? { env?: string|tide.env, gap?: tide.gap|string|false, capacity?: integer|"auto" }
---@field steps? number 1000000 updates
---@field seed? integer 1
---@field threads? integer 1
---@field training? tide.training_options
---@field evaluation? { every?: integer, episodes?: integer } 10 epochs, 5 episodes
---@field checkpoint? { every?: integer } 10 epochs

---@class tide.training_options
---@field epoch_rollout_steps? integer 1000
---@field epoch_updates? integer 1000
---@field rounds? integer 1
---@field random_steps? integer 0
---@field stop_return? number|false

---@param options tide.experiment_options
---@return tide.run
function tide.experiment(options) end

---@class tide.run
---@field dir? string its folder, once it trains
---@field config table
---@field agent tide.agent
---@field replay tide.replay
---@field real tide.world
---@field sim? tide.world
---@field updates integer
---@field sim_steps integer
---@field last_evaluation? tide.evaluation
local run = {}

---@return tide.evaluation the last one
function run:train() end

---@param episodes? integer
---@return tide.evaluation
function run:evaluate(episodes) end

---@class tide.sweep_cell the values of the axes by name, and these
---@field name string
---@field seed integer
---@field labels table<string, string> axis -> label
---@field [string] any

---@class tide.sweep_options
---@field axes? table<string, any[]>[] { { gap = { { "gravity", tide.gap.gravity(2.0) } } }, { agent = { "sac" } } }
---@field experiment? fun(cell: tide.sweep_cell): tide.experiment_options|nil
---@field experiments? any[] instead of axes and experiment: { { label, options of an experiment }, ... }
---@field seeds? integer|integer[] 5
---@field steps? number
---@field name? string
---@field datasets? table<string, { from?: string, make: fun(path: string, from?: string) }>

---@class tide.sweep a file of experiments returns it; `tide sweep` runs it

---@class tide.sweep_module
---@overload fun(given: tide.sweep_options): tide.sweep
local sweep = {}

---@param given tide.sweep_options
---@return tide.sweep
function sweep.define(given) end

---@param value any
---@return boolean
function sweep.is(value) end

--- True where the glob (* anything, ? one character) matches the whole name of a cell.
---@param glob string
---@param name string
---@return boolean
function sweep.matches(glob, name) end

---@class tide.evaluation
---@field mean number
---@field std number
---@field returns number[]
---@field lengths integer[]
---@field length number
---@field diverged integer
---@field score? number

---@class tide.evaluation_module
local evaluation = {}

---@param actor tide.any_policy|tide.agent|table anything with act
---@param world_ tide.world
---@param episodes integer
---@param mode? "mean"|"sample"
---@param each? fun(observation: tide.tensor, action: tide.tensor, reward: number, next_observation: tide.tensor, terminal: boolean, timeout: boolean)
---@return tide.evaluation
function evaluation.run(actor, world_, episodes, mode, each) end

---@param list number[]
---@return number mean
---@return number std population
function evaluation.statistics(list) end

-- ---- datasets ----

---@class tide.dataset_module
---@field defaults table
local datasets = {}

---@param path string a D4RL file, the folder of a Minari dataset, or its main_data.hdf5
---@param options? { max_episode_steps?: integer, observation_dim?: integer, infos?: boolean }
---@return tide.dataset
function datasets.read(path, options) end

--- What a file says about itself: D4RL's group, or Minari's metadata.json with `env` added.
---@param path string
---@return table|nil
function datasets.metadata(path) end

--- The environment that is given, that the metadata names, or that the file is called after.
---@param path string
---@param metadata? table
---@param named? string
---@return tide.env|nil
---@return "given"|"metadata"|"file name"|nil
function datasets.environment_of(path, metadata, named) end

--- What was done about a file's defects when it was read, a line each.
---@param info tide.dataset_info
---@return string[]
function datasets.notes(info) end

--- Counts, returns and scores; tostring makes it text.
---@param path string
---@param options? { env?: string, random?: number, expert?: number, max_episode_steps?: integer, report?: fun(done: integer, total: integer) }
---@return tide.dataset_info
function datasets.info(path, options) end

--- Terminal rows whose next observation is no state that ends an episode of that environment.
---@param data tide.dataset
---@param definition tide.env
---@return integer stray
---@return integer checked of the terminals, 1000 at most; 0 where next observations do not tell
function datasets.stray_terminals(data, definition) end

---@class tide.dataset_check
---@field level "ok"|"note"|"warning"|"defect"
---@field name string
---@field text string
---@field rows? integer[] the first of them, from 1

---@class tide.dataset_report
---@field path string
---@field checks tide.dataset_check[]
---@field defects integer
---@field warnings integer
---@field rows? integer
---@field episodes? integer

--- Checks shapes, numbers, ends, next observations, and rows against the environment's physics; tostring makes it text.
---@param path string
---@param options? { env?: string, max_episode_steps?: integer, samples?: integer, tolerance?: number, reward_tolerance?: number, report?: fun(done: integer, total: integer) }
---@return tide.dataset_report
function datasets.verify(path, options) end

--- D4RL's layout to Minari's, a folder NAME-vN; or Minari's to D4RL's, a file.
---@param input string
---@param output string
---@param options? { env?: string, max_episode_steps?: integer, id?: string, force?: boolean, report?: fun(done: integer, total: integer) }
---@return { to: "minari"|"d4rl", path: string, rows: integer, episodes: integer, notes: string[] }
function datasets.convert(input, output, options) end

--- Transitions or whole episodes drawn at random, in the order of the file, to a file in D4RL's layout.
---@param input string
---@param output string
---@param options { transitions?: integer, episodes?: integer, fraction?: number, whole?: boolean, seed?: integer, env?: string, max_episode_steps?: integer, force?: boolean, report?: fun(done: integer, total: integer) }
---@return { path: string, rows: integer, runs: integer, terminals: integer, timeouts: integer, cut: integer, notes: string[] }
function datasets.subset(input, output, options) end

---@class tide.recipes
local recipes = {}

---@return string
function recipes.folder() end

--- What `make` can make; with `all`, also what needs policies that do not come with Tide.
---@param all? boolean
---@return string[] names
function recipes.list(all) end

---@class tide.recipe
---@field name string
---@field env string
---@field made_of string
---@field transitions integer unless told; of a training, at most so many
---@field training boolean
---@field medium_return? number where a training ends
---@field path string
---@field exists boolean
---@field missing string[] policies that it needs and that are not there

---@param name string
---@return tide.recipe
function recipes.about(name) end

--- Refuses a name that nobody knows, and one whose policies are not there.
---@param name string
function recipes.check(name) end

---@param name string a name or a path
---@return string
function recipes.path(name) end

---@param name string
---@return boolean
function recipes.exists(name) end

---@param name string
---@param options? { max_episode_steps?: integer, observation_dim?: integer, infos?: boolean }
---@return tide.dataset
function recipes.open(name, options) end

---@param name string
---@param options { transitions?: integer, seed?: integer, path?: string, report?: fun(rows: integer, total: integer) }
---@return string path
---@return table about
function recipes.make(name, options) end

--- The soft actor-critic in the real environment that behaviour policies and replay datasets come from.
---@param prefix string such as "halfcheetah"
---@param options? { steps?: integer, seed?: integer, threads?: integer }
---@return tide.run
function recipes.behaviour(prefix, options) end

--- Writes everything that a run rolled out as a dataset.
---@param run_ tide.run
---@param path string
---@param about table
---@return integer transitions
function recipes.write_replay(run_, path, about) end

-- ---- plots ----

---@class tide.plot_options
---@field metric? string "eval/return"
---@field title? string
---@field x_label? string
---@field y_label? string
---@field band? "range"|"std"|"none"
---@field labels? string[]
---@field lines? { value: number, label: string }[]
---@field width? integer points
---@field height? integer points

---@class tide.plot
local plot = {}

---@param runs string[]|table[] folders, or what plot.runs returns
---@param path string a .png or .svg file
---@param options? tide.plot_options
---@return string[] remarks
function plot.curves(runs, path, options) end

---@param paths string[]
---@return table[]
function plot.runs(paths) end

---@param runs table[]
---@return table[] groups of runs that differ only in their seed
function plot.group(runs) end

--- Refuses a path that no picture can be drawn into.
---@param path string
function plot.check_path(path) end

---@param commands string gnuplot's own
---@param path string a .png or .svg file
---@param size? integer[] { width, height } in points; 800 and 500
function plot.draw(commands, path, size) end

-- ---- pictures and videos ----

---@class tide.picture_options
---@field width? integer pixels, 480
---@field height? integer 480
---@field body? string what the camera follows; the heaviest body that moves
---@field distance? number m; 0: so that all of the robot is seen
---@field azimuth? number degrees, 110; 90 looks along y, x to the right
---@field elevation? number degrees, -15; negative looks down

--- A camera on a world, or on its physics.
---@class tide.picture_module
---@overload fun(world: tide.world|tide.physics, options?: tide.picture_options): tide.picture
local picture_module = {}

---@param world tide.world|tide.physics
---@param options? tide.picture_options
---@return tide.picture
function picture_module.new(world, options) end

--- A black image.
---@param width integer
---@param height integer
---@return tide.image
function picture_module.image(width, height) end

---@class tide.video_options
---@field width? integer pixels, 480
---@field height? integer 480
---@field rate? number pictures a second, 20

--- An MP4 file, made by ffmpeg; there when `finish` returns, and not at all without it.
---@class tide.video
---@field pictures integer added so far
local video = {}

---@param image tide.image of the video's size
function video:add(image) end

function video:finish() end

--- Gives up and leaves no file; so does the end of a <close> variable's scope before `finish`.
function video:abandon() end

---@class tide.video_module
---@overload fun(path: string, options?: tide.video_options): tide.video
local video_module = {}

---@param path string a .mp4 file
---@param options? tide.video_options
---@return tide.video
function video_module.open(path, options) end

--- Raises an error where there is no ffmpeg.
function video_module.check() end

-- ---- tables ----

---@class tide.text_log_options
---@field columns? string[] the header's
---@field env? string|tide.env|false whose reward_of computes rewards
---@field rate? number|false rows a second
---@field scale_action? number 1
---@field clip? boolean false
---@field done_of? "step"|"state" "step"
---@field break_on? string[] rules such as "x>0.05", "x-v>0.001", "x-v>20*"
---@field outlier? number 6 standard deviations

---@class tide.text_log_report
---@field file_rows integer
---@field rows integer
---@field left_out integer
---@field terminals integer
---@field timeouts integer
---@field outside integer rows with an action outside [-1, 1]
---@field breaks { rule: string, limit: number, count: integer, first_line?: integer }[]
---@field outliers { column: string, count: integer, value: number, line: integer }[]

---@class tide.text_log
---@field defaults tide.text_log_options
local text_log = {}

---@param path string
---@param output string
---@param given? tide.text_log_options
---@return tide.text_log_report
function text_log.import(path, output, given) end

---@class tide.tabular_process a Markov decision process; pair (s, a) has the index (s - 1) actions + a
---@field states integer
---@field actions integer
---@field pairs integer
---@field rewards number[] of pairs
---@field real number[][] P: a row of states for every pair
---@field sim number[][] P^: likewise
---@field policy number[][] pi(a|s): a row of actions for every state
---@field d_real number[] d_D, of pairs
---@field d_sim number[] d_B, of pairs
---@field discount number

---@class tide.tabular_choice
---@field beta? number 0
---@field d_phi? number[] a fixed distribution over pairs; without it, the maximum's own
---@field omega? number[] of the log-sum-exp; u / sum u
---@field ratio? boolean false: simulated errors count as they are
---@field clip? number[] { low, high } of the ratio
---@field start? number[] the first Q; zeros

---@class tide.tabular
local tabular = {}

---@param given table rewards, real, sim, policy, d_real, d_sim, discount
---@return tide.tabular_process
function tabular.process(given) end

---@param rng tide.rng
---@param options? { states?: integer, actions?: integer, wrong?: integer, blind?: integer, discount?: number }
---@return tide.tabular_process
function tabular.random(rng, options) end

---@param process tide.tabular_process
---@param policy number[][]
---@param dynamics number[][]
---@return number[] of pairs
function tabular.visits(process, policy, dynamics) end

---@param process tide.tabular_process
---@param q number[]
---@return number[] of states
function tabular.values(process, q) end

---@param process tide.tabular_process
---@param q number[]
---@param rewards? number[]
---@param dynamics? number[][] the real ones
---@return number[]
function tabular.backup(process, q, rewards, dynamics) end

---@param process tide.tabular_process
---@param rewards? number[]
---@param dynamics? number[][] the real ones
---@return number[] Q of the policy
function tabular.evaluate(process, rewards, dynamics) end

---@param process tide.tabular_process
---@param nu number[]
---@param dynamics? number[][] the real ones
---@return number[] Q of the policy with the reward r - nu
function tabular.evaluate_adjusted(process, nu, dynamics) end

---@param process tide.tabular_process
---@return number[] u = KL(P^ || P)
function tabular.gap(process) end

---@param u number[]
---@param weights? number[]
---@return number[] omega
function tabular.omega(u, weights) end

---@param process tide.tabular_process
---@param choice? tide.tabular_choice
---@return number[][]
function tabular.ratio(process, choice) end

---@param process tide.tabular_process
---@param ratio number[][]
---@return number[] its mean under P^
function tabular.ratio_mean(process, ratio) end

---@param omega number[]
---@param q number[]
---@return number maximum, number[] d_phi
function tabular.soft_max(omega, q) end

---@param process tide.tabular_process
---@param q number[]
---@param v number[] of states, for the targets
---@param choice tide.tabular_choice
---@param ratio? number[][]
---@return number
function tabular.objective(process, q, v, choice, ratio) end

---@param process tide.tabular_process
---@param choice tide.tabular_choice
---@return { q: number[], d_phi: number[], iterations: integer }
function tabular.h2o(process, choice) end

---@param process tide.tabular_process
---@param choice tide.tabular_choice
---@param d_phi number[]
---@return number[] nu
function tabular.adjustment(process, choice, d_phi) end

---@param process tide.tabular_process
---@param choice tide.tabular_choice
---@return number[][] dynamics
function tabular.blend(process, choice) end

---@param A number[][]
---@param b number[]
---@return number[]
function tabular.solve(A, b) end

---@param x number[]
---@param y number[]
---@return number
function tabular.distance(x, y) end

return tide
