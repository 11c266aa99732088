---@meta
--- What tide.core offers to worlds: MuJoCo physics and the named figures of a model. Annotations for editors only.

--- A joint, body, geom or actuator. Fields of one number are numbers, of several sequences; those that a kind of part
--- does not have raise an error.
---@class tide.model_part
---@field name string|nil read only
---@field type string joint, geom: "hinge", "capsule" ...; read only
---@field body tide.model_part joint, geom: whose it is; read only
---@field parent tide.model_part|nil body; nil of the world; read only
---@field damping number joint
---@field stiffness number joint
---@field armature number joint
---@field frictionloss number joint
---@field range number[] joint: lower and upper end
---@field position number[] joint and geom: in the body's frame; body: in its parent's
---@field mass number body
---@field inertia number[] body: diagonal, in the inertial frame
---@field centre number[] body: centre of mass, in the body's frame
---@field size number[] geom: radius and half length of a capsule, as MuJoCo has it
---@field friction number[] geom: sliding, torsional, rolling
---@field solref number[] geom
---@field solimp number[] geom
---@field gear number[] actuator
---@field ctrlrange number[] actuator
---@field gainprm number[] actuator
---@field dynprm number[] actuator
---@field biasprm number[] actuator

---@class tide.model
---@field gravity number[] m/s^2
---@field timestep number seconds of one MuJoCo step
---@field wind number[] m/s, of the medium
---@field density number kg/m^3, of the medium
---@field viscosity number Pa s, of the medium
local model = {}

---@param name string
---@return tide.model_part
function model:joint(name) end

---@param name string
---@return tide.model_part
function model:body(name) end

---@param name string
---@return tide.model_part
function model:geom(name) end

---@param name string
---@return tide.model_part
function model:actuator(name) end

---@return tide.model_part[]
function model:joints() end

---@return tide.model_part[]
function model:bodies() end

---@return tide.model_part[]
function model:geoms() end

---@return tide.model_part[]
function model:actuators() end

---@class tide.physics
local physics = {}

---@return integer nq
---@return integer nv
---@return integer nu
function physics:sizes() end

---@overload fun(self: tide.physics): number[]
---@param index integer
---@return number
function physics:qpos(index) end

---@overload fun(self: tide.physics): number[]
---@param index integer
---@return number
function physics:qvel(index) end

--- What the last step applied.
---@overload fun(self: tide.physics): number[]
---@param index integer
---@return number
function physics:control(index) end

---@return number
function physics:control_squares() end

---@return number seconds since the reset
function physics:time() end

---@return number seconds of one MuJoCo step
function physics:timestep() end

---@param body string
---@return number x
---@return number y
---@return number z
function physics:body_position(body) end

--- Writes qpos without its first `skip_qpos`, then qvel, clipped to [-clip, clip] (0: not clipped).
---@param observation tide.tensor
---@param skip_qpos? integer
---@param clip? number
function physics:observe(observation, skip_qpos, clip) end

--- Back to the model's initial state.
function physics:reset() end

--- Resets, then takes these positions and velocities.
---@param qpos number[]
---@param qvel number[]
function physics:place(qpos, qvel) end

---@param part "qpos"|"qvel"
---@param kind "uniform"|"normal"
---@param scale number
---@param rng tide.rng
function physics:add_noise(part, kind, scale, rng) end

--- Everything that the future depends on, but the model's figures.
---@return number[]
function physics:state() end

---@param state number[]
function physics:restore(state) end

--- Computes what follows from the state, if it was written since.
function physics:forward() end

--- frame_skip MuJoCo steps.
---@param action tide.tensor|number[]
---@param frame_skip integer
---@return string|nil problem what went wrong if the simulation diverged; the state is then the one from before
function physics:step(action, frame_skip) end

--- Nothing but MuJoCo's steps, under each row of `actions` in turn, unchecked; afterwards the physics needs a new
--- state. For tide bench, which times the call.
---@param actions tide.tensor (n, actuators)
---@param frame_skip integer
function physics:replay(actions, frame_skip) end

---@return tide.model
function physics:model() end

--- Frees it now; using it or its model afterwards is an error.
function physics:close() end

--- Pixels: 8 bits each of red, green and blue.
---@class tide.image
local image = {}

---@return integer width
---@return integer height
function image:size() end

---@return string bytes red, green, blue of each pixel, row by row from the top
function image:bytes() end

--- Writes a PNG file, whole or not at all.
---@param path string
function image:save(path) end

--- A camera on a physics, which it keeps.
---@class tide.picture
local picture = {}

---@return integer width
---@return integer height
function picture:size() end

--- Draws the state that the physics is in. Without an image it makes one of its own size; with one, the picture's upper
--- left corner is at x, y of it, 0, 0 unless given.
---@param label? string lines in the upper left corner, ASCII
---@param image? tide.image
---@param x? integer
---@param y? integer
---@return tide.image
function picture:draw(label, image, x, y) end

function picture:close() end

---@class tide.core
local core = {}

--- A black image.
---@param width integer pixels, 1 to 32768
---@param height integer
---@return tide.image
function core.image(width, height) end

---@param physics tide.physics
---@param width integer pixels, 16 to 4096
---@param height integer
---@param options? { body?: string, distance?: number, azimuth?: number, elevation?: number }
---@return tide.picture
function core.picture(physics, width, height, options) end

---@param path string of an MJCF file
---@return tide.physics
function core.physics(path) end

---@return string such as "2.2.2"
function core.mujoco_version() end

--- What can be read and written by name, for "model", "joint", "body", "geom" and "actuator".
---@return table<string, string[]>
function core.mujoco_fields() end

---@return integer warnings that MuJoCo gave so far
function core.mujoco_warnings() end

return core
