// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 32) in;
layout(binding = 0) writeonly buffer A { uint a[]; };
layout(binding = 1, r32ui) readonly uniform uimageBuffer texels;

void main()
{
    uint i = gl_GlobalInvocationID.x;
    a[i] = imageLoad(texels, int(i)).x;
}
