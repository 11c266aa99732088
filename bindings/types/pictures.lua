---@meta
--- Plots, pictures and videos. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide.plot_options
---@field metric? string "eval/return"
---@field title? string
---@field x_label? string
---@field y_label? string
---@field band? "range"|"std"|"interval"|"none"
---@field labels? string[]
---@field lines? { value: number, label: string }[]
---@field width? integer points
---@field height? integer points

---@class tide.curve
---@field x number[]
---@field mean number[]
---@field low number[]
---@field high number[]
---@field n integer what it is the mean of; a band is drawn from 2 on
---@field falls? number[][] { x, y } of points with a cross

---@class tide.curve_item
---@field curve tide.curve
---@field name string
---@field style table what plot.style_of returns

---@class tide.panel
---@field title? string
---@field y_label? string
---@field range? number[] { low, high } of y
---@field items tide.curve_item[]

---@class tide.panels_options
---@field columns? integer 2
---@field panel? integer[] { width, height } in points
---@field x_label? string
---@field steps? boolean whether x counts updates; true
---@field band? "range"|"std"|"interval"|"none"
---@field shared? boolean one range of x and y for all; true
---@field title? string
---@field note? string in small letters at the bottom

---@class tide.items_options
---@field x_label? string
---@field y_label? string
---@field title? string
---@field band? "range"|"std"|"interval"|"none"
---@field note? string in small letters at the bottom

---@class tide.plot
local plot = {}

---@param runs string[]|table[] folders, or what plot.runs returns, or groups { { label, runs }, ... }
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

--- What the axis of a metric says.
---@param metric string
---@return string
function plot.y_label(metric) end

--- Refuses a metric that no run has: nothing is drawn.
---@param drawn table[]
---@param runs table[]
---@param metric string
function plot.check_metric(drawn, runs, metric) end

--- The look of the i-th curve.
---@param i integer
---@return { colour: string, dash: string, point: integer }
function plot.style_of(i) end

---@param items tide.curve_item[]
---@param path string a .png or .svg file
---@param given tide.items_options
function plot.items(items, path, given) end

---@param list tide.panel[] row by row
---@param path string a .png or .svg file
---@param given? tide.panels_options
function plot.panels(list, path, given) end

---@param commands string gnuplot's own
---@param path string a .png or .svg file
---@param size? integer[] { width, height } in points; 800 and 500
function plot.draw(commands, path, size) end

--- What happened step by step in an episode.
---@class tide.trace
---@field rewards number[]
---@field watched number[]
---@field total number
---@field dt number seconds of a step
---@field terminal boolean
---@field diverged boolean

---@class tide.trace_options
---@field mode? "mean"|"sample"
---@field start? fun(world: tide.world): tide.tensor instead of world:reset()
---@field watch? fun(world: tide.world): number

---@class tide.traces
local traces = {}

---@param actor table with act(observation, mode)
---@param world tide.world
---@param given? tide.trace_options
---@return tide.trace
function traces.run(actor, world, given) end

---@param trace tide.trace
---@param values number[] one a step
---@param every integer steps between two points
---@return tide.curve
function traces.values(trace, values, every) end

---@param trace tide.trace
---@param values number[] one a step
---@param every integer steps that a point is the mean of
---@return tide.curve
function traces.means(trace, values, every) end

---@param list tide.trace[]
---@param every integer steps between two points
---@return tide.curve
function traces.cumulative(list, every) end

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
