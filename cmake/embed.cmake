# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT, a C file, with the bytes of INPUT as the array NAME and their number as NAME_length:
# cmake -DINPUT=FILE -DNAME=name -DOUTPUT=FILE -P embed.cmake. The same bytes make the same file.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n    " bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"api/documents.h\"\n
const unsigned char ${NAME}[] = {
    ${bytes}
};
const size_t ${NAME}_length = sizeof ${NAME};
")
