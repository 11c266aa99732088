---@meta
--- Environments, worlds, gaps. Annotations for editors only; examples are in docs/lua-api.md.

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
