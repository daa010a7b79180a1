// What a page includes to have its console reported: see script.go. It may not throw, nor
// report itself. Names are short since this is sent as it is, without these comments.
(function(w,c){
var src=(document.currentScript||{}).src||"",to=src.replace("/console.js?","/console?"),q=[],lost=0,wait=1e3,busy,timer,id=Math.random().toString(36).slice(2),get=w.fetch,nav=navigator
if(to==src||w.__zeblitConsole)return
w.__zeblitConsole=1
// A value in words; of what it holds, the first 200 things.
function say(v){
try{
var n=0
return typeof v=="string"?v:v&&v.stack?v.name+": "+v.message:v&&typeof v=="object"&&JSON.stringify(v,(k,x)=>n++<200?x:void 0)||String(v)
}catch(e){return"?"}
}
// Takes an entry up, with the stack of an error among the values; one that repeats the last is counted.
function add(level,values,url,line,column,uncaught){
if(busy)return
busy=1
try{
var text=values.map(say).join(" ").slice(0,8e3),e=values.find(v=>v&&v.stack),stack=String(e?e.stack:"").slice(0,8e3),last=q[q.length-1]
if(last&&last.level+last.text+last.stack==level+text+stack)last.count++
else if(q.length>99)lost++
else q.push({level:level,text:text,stack:stack,url:url||location.href,line:line,column:column,uncaught:!!uncaught,count:1})
timer=timer||setTimeout(send,wait)
}catch(e){}
busy=0
}
// Browsers take some 64 kB from a page that goes away, so a batch is small.
function send(leaving){
busy=1
timer=0
try{
for(var n=0,size=0;n<q.length&&size<2e4;n++)size+=q[n].text.length+q[n].stack.length+200
if(n){
var body=JSON.stringify({session:id,dropped:lost,entries:q.splice(0,n)})
lost=0
leaving==1&&nav.sendBeacon?nav.sendBeacon(to,body):get(to,{method:"POST",body:body,keepalive:true,credentials:"omit"}).then(r=>{if(!r.ok)throw 0;wait=1e3}).catch(()=>{wait=Math.min(wait*2,6e4)})
}
if(q[0])timer=setTimeout(send,wait)
}catch(e){}
busy=0
}
function on(event,f,early){w.addEventListener(event,function(e){try{f(e)}catch(e){}},early)}
"debug log info warn error".split(" ").map(function(level){
var was=c[level]
c[level]=function(...all){
add(level,all)
return was.apply(c,all)
}
})
on("error",function(e){
var t=e.target,x=e.error
if(t&&t!=w)add("error",["could not load",t.src||t.href],t.src||t.href,0,0,1)
else add("error",[x||e.message],e.filename,e.lineno,e.colno,1)
},true)
on("unhandledrejection",function(e){add("error",[e.reason],"",0,0,1)})
on("pagehide",function(){while(q[0])send(1)})
})(window,console)
