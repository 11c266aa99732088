---@meta
--- core.line: what an interactive prompt needs. Annotations for editors only.

---@class tide.line
---@field editor nil|fun(name: string): tide.line_editor absent where the build found no libedit
local line = {}

--- Calls f(...); Ctrl-C (SIGINT) raises the error "interrupted" in it.
---@generic R
---@param f fun(...): R
---@return R ... what f returns
function line.interruptible(f, ...) end

--- Edits lines on the terminal that standard input and output are. ~/.editrc applies.
---@class tide.line_editor
local editor = {}

---@param prompt string
---@param complete fun(text: string): string?, string? the line up to the cursor -> text to insert, text to show
---@return string|nil line nil when it was given up or the input ended
---@return "interrupted"|"end"|nil why
function editor:read(prompt, complete) end

--- Puts a line into the history that the arrow keys and Ctrl-R go through.
---@param text string
function editor:remember(text) end

function editor:close() end

return line
