/* Pictures of a simulation, drawn offscreen without a display or a graphics card.
 *
 * Drawing is OSMesa's (libosmesa6 in Debian), loaded when the first picture is made; Tide builds and runs without it.
 * What a model's author did not give is added to what is drawn, never to the model: a floor with marks, a sky, a light
 * that casts shadows, a colour for each limb. Drawing changes nothing of the simulation.
 *
 * A picture belongs to one sim, which must live as long as pictures of it are drawn. The same state gives the same
 * bytes on the same machine. Drawing is one at a time: other threads wait. */
#ifndef TIDE_SIM_PICTURE_H
#define TIDE_SIM_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "sim/sim.h"

typedef struct tide_picture tide_picture;

enum { TIDE_PICTURE_LEAST = 16, TIDE_PICTURE_MOST = 4096 }; /* pixels a side */

typedef struct tide_picture_options {
    size_t width, height; /* pixels */
    const char *body;     /* what the camera follows; NULL: the heaviest body that moves */
    double distance;      /* from it, m; 0: so that all of the robot is seen */
    double azimuth;       /* degrees; 90 looks along y, x to the right */
    double elevation;     /* degrees, above the horizon where negative */
} tide_picture_options;

/* A camera for the sim's model. Errors: TIDE_ARGUMENT (a size, a body, an angle), TIDE_STATE (no OSMesa here),
 * TIDE_MEMORY, TIDE_SIMULATOR with MuJoCo's words. */
tide_status tide_picture_create(const tide_sim *sim, const tide_picture_options *options, tide_picture **picture);
void tide_picture_destroy(tide_picture *picture);

size_t tide_picture_width(const tide_picture *picture);
size_t tide_picture_height(const tide_picture *picture);

/* Draws the sim's present state. `rgb` takes height rows of 3 width bytes, the top one first; they begin row_bytes
 * apart. `label` stands in the upper left corner: lines of ASCII, other bytes become '?'; NULL for none.
 * Errors: TIDE_SIMULATOR, TIDE_STATE. */
tide_status tide_picture_draw(tide_picture *picture, const char *label, uint8_t *rgb, size_t row_bytes);

#endif
