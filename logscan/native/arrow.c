#include "arrow.h"

#include <stdlib.h>

typedef struct {
    const void *buffers[BYTES + 2];
    int64_t size;
} Texts;

static void release_schema(struct ArrowSchema *schema) {
    schema->release = NULL;
}

static void release_texts(struct ArrowArray *array) {
    Texts *texts = array->private_data;
    free((void *)texts->buffers[VIEWS]);
    free((void *)texts->buffers[BYTES]);
    free(texts);
    array->release = NULL;
}

int give_texts(View *views, int64_t count, uint8_t *bytes, int64_t size, struct ArrowSchema *schema,
               struct ArrowArray *array) {
    Texts *texts = malloc(sizeof *texts);
    if (!texts) {
        free(views);
        free(bytes);
        return 0;
    }
    *texts = (Texts){.size = size};
    texts->buffers[VIEWS] = views;
    texts->buffers[BYTES] = bytes;
    texts->buffers[BYTES + 1] = &texts->size;
    *schema = (struct ArrowSchema){.format = TEXT, .name = "", .release = release_schema};
    *array = (struct ArrowArray){
        .length = count,
        .n_buffers = BYTES + 2,
        .buffers = texts->buffers,
        .release = release_texts,
        .private_data = texts,
    };
    return 1;
}
