---@meta
--- Plots, pictures and videos. Annotations for editors only; examples are in docs/lua-api.md.

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
