---@meta
--- Agents and experiments. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide
local tide = {}

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
---@field keeps? string[] networks that evaluation.keep_policies keeps beside the policy
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
---@field last? integer evaluations of a run, the last ones, that its final return is the mean of: 10
---@field name? string
---@field datasets? table<string, { from?: string, make: fun(path: string, from?: string) }>
---@field published? { source: string, steps?: number, cells: table<string, number[]> }[] cell -> { mean, std }

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
