// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 8, local_size_y = 8) in;
layout(binding = 0) readonly buffer A { float a[]; };
layout(binding = 1) readonly buffer B { float b[]; };
layout(binding = 2) writeonly buffer C { float c[]; };
layout(push_constant) uniform Size { uint n; };
shared float rows[8][8], columns[8][8];

void main()
{
    uint x = gl_GlobalInvocationID.x, y = gl_GlobalInvocationID.y;
    uint i = gl_LocalInvocationID.x, j = gl_LocalInvocationID.y;
    float sum = 0;
    for (uint tile = 0; tile < n; tile += 8) {
        rows[j][i] = a[y * n + tile + i];
        columns[j][i] = b[(tile + j) * n + x];
        barrier();
        for (uint k = 0; k < 8; k++)
            sum = fma(rows[j][k], columns[k][i], sum);
        barrier();
    }
    c[y * n + x] = sum;
}
