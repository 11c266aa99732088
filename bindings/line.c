/* core.line: what an interactive prompt needs. Editing of lines with history and
 * completion (libedit, where the build found it), and statements that Ctrl-C ends. */
#include <signal.h>

#include "binding.h"

/* ---- Ctrl-C ---- */

static lua_State *running; /* whom the signal interrupts; NULL: no one */

static void raise_interrupted(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    lua_sethook(L, NULL, 0, 0);
    luaL_error(L, "interrupted");
}

/* Setting a hook is the one thing that Lua lets a signal handler do. */
static void on_interrupt(int number)
{
    (void)number;
    if (running != NULL)
        lua_sethook(running, raise_interrupted, LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
}

/* interruptible(f, ...) -> what f(...) returns. SIGINT raises the error "interrupted" in f. */
static int line_interruptible(lua_State *L)
{
    luaL_checkany(L, 1);
    struct sigaction action = {.sa_handler = on_interrupt}, former;
    sigemptyset(&action.sa_mask);
    lua_State *outer = running;
    running = L;
    sigaction(SIGINT, &action, &former);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    sigaction(SIGINT, &former, NULL);
    lua_sethook(L, NULL, 0, 0);
    running = outer;
    return status == LUA_OK ? lua_gettop(L) : lua_error(L);
}

/* ---- editing ---- */

#ifdef TIDE_HAVE_EDIT
#include <histedit.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EDITOR_CLASS "tide.line_editor"

enum { PROMPT_BYTES = 64, HISTORY_LINES = 2000 };

typedef struct editor {
    EditLine *edit;
    History *history;
    lua_State *reading; /* the Lua state of the read under way; NULL between reads */
    int complete_at;    /* stack index of the completion function during a read */
    bool closed;        /* closed by its own completion function: goes when the read ends */
    bool interrupted;   /* Ctrl-C ended the line */
    char prompt[PROMPT_BYTES];
} editor;

static void editor_destroy(void *held)
{
    editor *e = held;
    if (e->reading != NULL) {
        e->closed = true;
        return;
    }
    if (e->edit != NULL)
        el_end(e->edit);
    if (e->history != NULL)
        history_end(e->history);
    free(e);
}

static editor *held_editor(EditLine *edit)
{
    void *held = NULL;
    el_get(edit, EL_CLIENTDATA, &held);
    return held;
}

static char *prompt_of(EditLine *edit)
{
    return held_editor(edit)->prompt;
}

/* Ctrl-C as a key: gives the line up. */
static unsigned char give_up(EditLine *edit, int key)
{
    (void)key;
    held_editor(edit)->interrupted = true;
    fputs("^C\n", stdout);
    return CC_NEWLINE;
}

/* Ctrl-Z as a key. libedit's handler gives the terminal back before the program stops. */
static unsigned char suspend(EditLine *edit, int key)
{
    (void)edit;
    (void)key;
    raise(SIGTSTP);
    return CC_REDISPLAY;
}

/* (editor, function): calls the function with the line up to the cursor; returns
 * its two results. Runs protected: an error must not jump through libedit. */
static int run_completion(lua_State *L)
{
    editor *e = lua_touserdata(L, 1);
    const LineInfo *line = el_line(e->edit); /* stack: editor, completion function */
    lua_pushlstring(L, line->buffer, (size_t)(line->cursor - line->buffer));
    lua_call(L, 1, 2);
    return 2;
}

static unsigned char complete(EditLine *edit, int key)
{
    (void)key;
    editor *e = held_editor(edit);
    lua_State *L = e->reading;
    if (L == NULL || !lua_checkstack(L, 8))
        return CC_ERROR;
    int top = lua_gettop(L);
    unsigned char effect = CC_ERROR;
    lua_pushcfunction(L, run_completion);
    lua_pushlightuserdata(L, e);
    lua_pushvalue(L, e->complete_at);
    if (lua_pcall(L, 2, 2, 0) == LUA_OK) {
        if (lua_type(L, -2) == LUA_TSTRING && el_insertstr(edit, lua_tostring(L, -2)) == 0)
            effect = CC_REFRESH;
        if (lua_type(L, -1) == LUA_TSTRING) {
            printf("\n%s\n", lua_tostring(L, -1));
            effect = CC_REDISPLAY;
        }
    }
    lua_settop(L, top);
    return effect;
}

/* editor(name) -> line editor for the terminal that standard input and output are. ~/.editrc applies. */
static int line_editor(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    void **place = tide_push_object(L, EDITOR_CLASS);
    editor *e = calloc(1, sizeof *e);
    if (e == NULL)
        return luaL_error(L, "line editor: out of memory");
    *place = e;
    setlocale(LC_CTYPE, ""); /* how the terminal encodes what is typed */
    e->edit = el_init(name, stdin, stdout, stderr);
    e->history = history_init();
    if (e->edit == NULL || e->history == NULL)
        return luaL_error(L, "line editor: this terminal cannot be used");
    HistEvent event;
    history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->edit, EL_CLIENTDATA, e);
    el_set(e->edit, EL_PROMPT, prompt_of);
    el_set(e->edit, EL_EDITOR, "emacs");
    el_set(e->edit, EL_HIST, history, e->history);
    el_set(e->edit, EL_SIGNAL, 1);
    el_set(e->edit, EL_ADDFN, "tide-complete", "complete names", complete);
    el_set(e->edit, EL_ADDFN, "tide-give-up", "give the line up", give_up);
    el_set(e->edit, EL_ADDFN, "tide-suspend", "stop the program", suspend);
    el_set(e->edit, EL_SETTY, "-d", "-isig", NULL); /* while a line is edited, Ctrl-C and Ctrl-Z are keys */
    el_set(e->edit, EL_BIND, "^I", "tide-complete", NULL);
    el_set(e->edit, EL_BIND, "^C", "tide-give-up", NULL);
    el_set(e->edit, EL_BIND, "^Z", "tide-suspend", NULL);
    el_set(e->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_source(e->edit, NULL);
    return 1;
}

/* editor:read(prompt, complete) -> the line, or nil and "end" or "interrupted".
 * complete(text up to the cursor) -> text to insert or nil, text to show or nil. */
static int editor_read(lua_State *L)
{
    editor *e = tide_check_object(L, 1, EDITOR_CLASS);
    const char *prompt = luaL_checkstring(L, 2);
    luaL_checktype(L, 3, LUA_TFUNCTION);
    lua_settop(L, 3);
    if (e->reading != NULL)
        return luaL_error(L, "line editor: a line is being read already");
    snprintf(e->prompt, sizeof e->prompt, "%s", prompt);
    e->reading = L;
    e->complete_at = 3;
    e->interrupted = false;
    int n = 0;
    const char *line = el_gets(e->edit, &n);
    e->reading = NULL;
    if (e->closed) {
        editor_destroy(e);
        return luaL_error(L, "line editor: closed while a line was read");
    }
    if (line == NULL || e->interrupted) {
        lua_pushnil(L);
        lua_pushstring(L, line == NULL ? "end" : "interrupted");
        return 2;
    }
    lua_pushlstring(L, line, n > 0 && line[n - 1] == '\n' ? (size_t)n - 1 : (size_t)n);
    return 1;
}

/* editor:remember(line): puts it into the history. */
static int editor_remember(lua_State *L)
{
    editor *e = tide_check_object(L, 1, EDITOR_CLASS);
    HistEvent event;
    if (history(e->history, &event, H_ENTER, luaL_checkstring(L, 2)) < 0)
        return luaL_error(L, "line editor: history: %s", event.str);
    return 0;
}

static void open_editor(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"read", editor_read},
        {"remember", editor_remember},
        {NULL, NULL},
    };
    tide_new_class(L, EDITOR_CLASS, methods, editor_destroy);
    lua_pushcfunction(L, line_editor);
    lua_setfield(L, -2, "editor");
}
#endif

void tide_open_line(lua_State *L)
{
    lua_newtable(L);
    lua_pushcfunction(L, line_interruptible);
    lua_setfield(L, -2, "interruptible");
#ifdef TIDE_HAVE_EDIT
    open_editor(L);
#endif
    lua_setfield(L, -2, "line");
}
